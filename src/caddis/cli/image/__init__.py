"""`fly image`: one verb, one file."""
