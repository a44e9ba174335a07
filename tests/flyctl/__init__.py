"""What flyctl sends and reads, command by command, replayed without flyctl (facts: flyctl-calls).

A command is a tuple of requests in the client's order; of each answer, the fields that the client needs are named with
their JSON types. `tests/e2e/test_flyctl_contract.py` plays them all against a running installation.
"""
