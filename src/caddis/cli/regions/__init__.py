"""`fly regions`: one verb, one file."""
