"""A PROGRAM: the HTTP server. Thin endpoints: decode, authorise, ask control, encode.

Colour: async. Knows control, catalog, wire, domain and telemetry. Stateless but for what is in the catalog: several may
run. Every route, and who may call it, stands in `routes.py`; every request passes `gate.py`. Out of scope: deciding
where things go (control), what a host does (agent), GraphQL (its place is the path /graphql).
"""
