"""Recognising what lies in a folder: each scanner looks and returns a Source, or None if it is not its kind."""
