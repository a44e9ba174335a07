"""A PROGRAM: the host daemon. Takes orders, walks operations, watches machines, reports.

Colour: async at its door and in its loops; blocking rooms are entered through `threads.py`, one helper with a limiter.
Knows the trades through `world.py`, and control not at all. Its book is the truth for this host's machines, volumes,
leases and events. Out of scope: choosing hosts, apps, tokens (control, api).
"""
