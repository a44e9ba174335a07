"""THE BOOK: long work written down step by step in SQLite, taken up again after a crash.

Colour: blocking. Knows domain and telemetry. Out of scope: what the steps do (agent/operations/), and the tables of
machines and volumes (agent/book.py), which live in the same file.
"""
