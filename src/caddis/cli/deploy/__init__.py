"""`fly deploy`: what is (current.py), what is wanted (wanted.py), what to do about it (plan.py), doing it (execute.py).

The planner is pure; everything else talks to the API or to the person. Machines are changed under leases.
"""
