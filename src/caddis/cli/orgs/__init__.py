"""`fly orgs`: one verb, one file."""
