"""How a catalog comes to the newest schema, forwards only: each step leaves the release before it able to run."""
