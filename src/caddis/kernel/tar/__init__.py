"""Tar archives of folders: written and read by programs of our own, so that every kind of file comes back as it was.

`format.py` is the format (POSIX pax, and what GNU tar adds), `pack.py` writes a folder, `unpack.py` writes an archive
into one, safely; `programs.py` runs those two as programs, the second one locked into its folder.
"""
