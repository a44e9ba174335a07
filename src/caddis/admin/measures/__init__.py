"""What `caddis bench` measures: one file for each row or group of rows, each against a floor made of the same programs.

Every figure is a ratio of two measurements of one run on one computer; absolute times only stand beside it.
"""
