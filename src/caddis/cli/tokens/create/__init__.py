"""`fly tokens create`: one verb, one file."""
