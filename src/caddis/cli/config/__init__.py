"""`fly config`: one verb, one file."""
