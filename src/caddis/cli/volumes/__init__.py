"""`fly volumes`: one verb, one file."""
