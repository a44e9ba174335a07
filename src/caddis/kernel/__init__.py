"""THE TOOLS: one thin file per kernel facility or host program; never says "volume" or "machine".

Colour: blocking; every external wait has a deadline. Knows domain and telemetry. Only `command.py` starts programs.
Out of scope: what the tools are used for, which is the trades' business.
"""
