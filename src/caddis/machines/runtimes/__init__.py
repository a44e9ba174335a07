"""What can run a machine: each answers to the Runtime protocol of agent/world.py. runc today; microVMs may follow.

Colour: blocking. Knows domain, telemetry, kernel and the rest of machines/.
"""
