"""`fly machine leases`: one verb, one file."""
