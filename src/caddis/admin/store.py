"""`caddis store`: where snapshots are kept off their hosts, and whether all of it can be restored."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from caddis.admin.installation import Installation
from caddis.admin.options import data_option
from caddis.domain.errors import Invalid
from caddis.domain.sizes import format_bytes

_HOST = "admin"  # under which this command takes the store's locks


@click.group("store")
def verb() -> None:
    """Where snapshots are kept off their hosts: a folder on another disk, or a bucket.

    Agents take up a change within half a minute; nothing is restarted.
    """


@verb.command("set")
@data_option
@click.argument("url")
@click.option("--endpoint", metavar="URL", help="Of the S3 server, if it is not Amazon's.")
@click.option("--s3-region", metavar="NAME", default="us-east-1", show_default=True, help="Of the bucket.")
def set_store(data: Path, url: str, endpoint: str | None, s3_region: str) -> None:
    """Keep snapshots in URL: file:///a/folder, s3://bucket/prefix, or none.

    A bucket's keys are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, never from the command line. The store
    is tried before anything is changed. Snapshots that are still on their hosts are shipped to the new store.
    """
    from caddis.backups.kept import write_choice
    from caddis.backups.opening import StoreChoice, open_kept_store
    from caddis.backups.status import probe

    installation = Installation(data)
    installation.require()
    if url == "none":
        write_choice(installation.data, None)
        print("snapshots stay on their hosts: when a host's disk is lost, so are they")
        return
    choice = StoreChoice(
        url=url,
        endpoint=endpoint,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        region=s3_region,
    )
    if url.startswith("s3://") and not (choice.access_key and choice.secret_key):
        raise Invalid(
            "a bucket needs its keys in the environment",
            hint="export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… and call this again",
        )
    store = open_kept_store(choice, key=installation.data / "store.key", host=_HOST, may_create=True)
    status = probe(store.objects, now=datetime.now(UTC))
    if status.reason is not None:
        raise Invalid(status.reason, hint="nothing was changed", field="url")
    write_choice(installation.data, choice)
    print(f"snapshots are kept in {store.objects.where}")
    print(f"Only {installation.data / 'store.key'} opens them: keep a copy of it somewhere else.")


@verb.command("show")
@data_option
def show(data: Path) -> None:
    """Tell which store it is and whether it can be used now. Exit status 1 if it cannot."""
    from caddis.backups.kept import KeptSnapshots, read_choice
    from caddis.backups.store import list_kept

    installation = Installation(data)
    installation.require()
    choice = read_choice(installation.data)
    if choice is None:
        print("store   none: snapshots stay on their hosts")
        return
    kept = KeptSnapshots(installation.data, host=_HOST)
    print(f"store   {kept.where}")
    status = kept.probe(datetime.now(UTC))
    if status.reason is not None:
        print(f"status  red: {status.reason}")
        sys.exit(1)
    print(f"status  ok\nkept    {_count(len(list_kept(kept.open())), 'snapshot')}")


@verb.command("check")
@data_option
def check_store(data: Path) -> None:
    """Read every chunk of every kept snapshot and compare it with its hash. Exit status 1 if one cannot be restored."""
    from caddis.backups.checking import check
    from caddis.backups.kept import KeptSnapshots

    installation = Installation(data)
    installation.require()
    report = check(KeptSnapshots(installation.data, host=_HOST).open(), on_progress=_progress())
    print(f"{_count(report.snapshots, 'snapshot')} of {_count(report.chunks, 'chunk')} were read")
    if report.orphans:
        print(f"{report.orphans} chunks ({format_bytes(report.orphan_bytes)}) belong to none: caddis store collect")
    for fault in report.faults:
        lost = ", ".join(f"{name.snapshot_id} of {name.volume_id}" for name in fault.snapshots)
        print(f"DAMAGED {fault.sentence}\n        cannot be restored: {lost}")
    if not report.ok:
        sys.exit(1)
    print("every one of them can be restored")


@verb.command("collect")
@data_option
def collect_store(data: Path) -> None:
    """Delete the chunks that no kept snapshot needs any more. Agents do so by themselves from time to time."""
    from caddis.backups.collecting import collect
    from caddis.backups.kept import KeptSnapshots

    installation = Installation(data)
    installation.require()
    done = collect(KeptSnapshots(installation.data, host=_HOST).open())
    print(f"deleted {done.chunks_deleted} chunks ({format_bytes(done.bytes_deleted)}), {done.chunks_left} are needed")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _progress() -> Callable[[int, int], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda done, total: print(f"\r{done} of {total} chunks", end="" if done < total else "\r", file=sys.stderr)
