"""`fly tokens`: one verb, one file."""
