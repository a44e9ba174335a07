"""THE WORDS: frozen values, states, pure decisions.

Colour: pure. No I/O, no clock, no randomness: time and ids come in as arguments. Knows only telemetry.
Out of scope: how anything is spelled on the wire (wire/), kept (journal/, catalog/) or done (the trades).
"""
