"""A TRADE: pools, keys, and volumes carved from them: create, mount, extend, snapshot, copy, observe,
erase; and scratch file systems.

Colour: blocking; every wait has a deadline. Knows kernel, domain and telemetry. Every verb is an *ensure*: it looks,
does what is missing, and may be called again after a crash at any point. Nothing is remembered between calls: what is
mounted and attached is asked of the kernel.
Out of scope: which machine a volume is attached to, what is promised to whom, and undo periods (agent/book.py); keeping
snapshots off the host (backups/).

    store.py      the verbs together, as the agent asks for them       place.py     where things are on this host
    pool.py       the protocol of a pool    file_pool.py  image files  opening.py   opening and making one
    creating.py   extending.py   mounting.py   unmounting.py   scratch.py   snapshotting.py   copying.py   erasing.py
                  one verb, one file                               instant.py   cloning while it is written to
    viewing.py  a read-only look at an instant    reading.py  files by path  exporting.py  filling.py  in and out
    encryption.py none, fscrypt and luks behind one protocol           keys.py      the wrapping key
    record.py     the self-describing record beside each image
"""
