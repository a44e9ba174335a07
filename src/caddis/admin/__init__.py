"""A PROGRAM: `caddis`, for who runs the servers: up, env, doctor, down, bench.

Colour: blocking; `up` watches its children from one thread. May know every room below, and starts the programs api and
agent as children, strangers to it otherwise. Out of scope: what users of apps do (cli/), and what a host does (agent/).
"""
