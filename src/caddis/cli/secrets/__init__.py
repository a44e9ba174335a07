"""`fly secrets`: one verb, one file."""
