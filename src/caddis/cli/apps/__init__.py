"""`fly apps`: one verb, one file."""
