"""`fly auth`: one verb, one file."""
