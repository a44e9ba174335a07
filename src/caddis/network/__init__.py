"""A TRADE: addresses, links, firewall (and later: names).

Colour: blocking. Knows domain, telemetry, kernel. Out of scope: machines (it is given names and slots, and hands back
the paths of network namespaces), and what comes in from other hosts.
"""
