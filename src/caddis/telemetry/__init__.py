"""TELLING: what every program says about itself, and the seams at which tests may interfere.

Colour: any room may call it from anywhere; it knows no other room. Out of scope: deciding anything.
"""
