"""Caddis: Fly's application platform for hardware that you own."""

__version__ = "0.1.0"
