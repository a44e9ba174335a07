"""A TRADE: turning a machine's configuration into a running thing, and ending it. runtimes/ inside.

Colour: blocking. Knows domain, telemetry, kernel. Out of scope: volumes, images and networks (the agent hands over
paths), and when a machine should run (domain/life.py).
"""
