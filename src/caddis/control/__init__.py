"""THE PLANNER: which host takes what, where each thing is, and what is known of it when its host is silent.

Colour: async; the catalog is entered through `threads.py`, one helper with a limiter. Knows catalog, wire, domain and
telemetry. It sends orders to the hosts' agents and takes their reports. The host has the last word: nothing is promised
here. Out of scope: tokens and status lines (api), doing anything to a machine or volume (agent).
"""
