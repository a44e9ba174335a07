"""`fly releases list|rollback`; `fly apps releases` is the same list."""
