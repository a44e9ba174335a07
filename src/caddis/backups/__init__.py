"""A TRADE: snapshots kept off the host as content-addressed chunks in object storage.

Colour: blocking; every wait on a store has a deadline. Knows kernel, domain and telemetry. Every verb may be called
again after a crash at any point. Everything that leaves the host is encrypted and bound to its name; what comes back
damaged or not at all is a problem that names it, never zeros.
Out of scope: making snapshots in the pool, finding what changed since the last one (volumes/), when to keep one and
when to forget it (agent/).

    opening.py    the operator's choice, the marker, the key        keys.py       the store key and what derives from it
    store.py      what is kept; forgetting                          manifest.py   what a snapshot consists of
    shipping.py   restoring.py   collecting.py   checking.py        one verb, one file
    locks.py      shipping against collecting                       status.py     can the store be used now
    objects.py    the protocol of a store   folder.py   s3.py       image.py  together.py   reading, several at a time
"""
