"""`fly checks`: what became of an app's checks."""
