"""One noun, one file; each function decodes a request, asks control and encodes the answer."""
