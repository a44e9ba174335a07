"""`fly platform`: one verb, one file."""
