"""A PROGRAM: `fly`. One noun, one folder; one verb, one file. deploy/ holds the planner and what carries a plan out.

Colour: blocking; it talks to people and, through client, to the API. Knows client, wire, domain. A verb's module is
imported only when that verb is called (tree.py names them all), so that the command starts quickly. Out of scope: the
server's rooms and libraries, and running machines: everything goes through the API.
"""
