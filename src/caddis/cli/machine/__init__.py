"""`fly machine`: one verb, one file."""
