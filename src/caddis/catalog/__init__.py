"""THE SHARED MEMORY: organizations, tokens, apps, releases, hosts, and an index of machines and volumes.

Colour: blocking. Knows domain and telemetry. The index is fed by the hosts' reports and may be thrown away: the truth
about machines and volumes is in each host's book. Bodies in the index are the host's own JSON, kept as text and never
looked into here. Out of scope: deciding anything (control), secrets in the clear (a token is kept as its hash only).

Every file holds one noun, every function one verb: it takes a Connection first and is called through `Catalog.read` or
`Catalog.write`, which are the transaction.
"""
