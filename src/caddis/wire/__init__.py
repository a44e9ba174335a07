"""FLY'S SPELLING: the JSON of the Machines API, fly.toml and error bodies, to and from domain.

Colour: pure. No I/O, no clock, no randomness: bodies, texts and times come in as arguments. Knows domain and telemetry.
Out of scope: sockets and status lines (api, agent, client), files on disk (cli), and what a request leads to (control,
agent).

What a client sends is decoded by `*_from_wire` into small frozen values; anything wrong raises Invalid with the
field's path and one sentence. Fields that we do not know are tolerated, and the caller keeps the raw document.
"""
