"""THE CALLER: requests to our own API as values, over a small transport.

Colour: blocking; every wait has a deadline. Knows domain, telemetry and wire. Requests are made by one small function
each (volumes.py, machines.py, …) and carried out by `transport.Client`; streams into machines are in streams.py. Either
way the HTTP library is imported with the first request, so that commands which ask nothing of the server start quickly.
Out of scope: what to do with the answers (cli/), and any of the server's own libraries.
"""
