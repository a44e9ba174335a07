"""`fly scale`: one verb, one file. `plan.py` decides, purely, which machines come and go; `execution.py` does it."""
