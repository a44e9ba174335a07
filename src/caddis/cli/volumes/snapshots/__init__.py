"""`fly volumes snapshots`: one verb, one file."""
