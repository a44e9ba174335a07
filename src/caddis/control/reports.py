"""Taking the hosts' reports."""

from __future__ import annotations

from typing import Any

import msgspec

from caddis.catalog.reports import TABLES, Accepted, HostCard, Report, accept_reports
from caddis.control.core import Control
from caddis.domain.errors import Forbidden, Refused
from caddis.domain.host import Capacity


class _Host(msgspec.Struct):
    id: str
    region: str
    zone: str
    address: str
    capacity: msgspec.Raw
    book: str = ""


class _Report(msgspec.Struct):
    sequence: int
    kind: str
    id: str
    app: str
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Batch(msgspec.Struct):
    host: _Host
    reports: list[_Report] = []


class _Shown(msgspec.Struct):
    """The few fields of a body by which it is looked for; the rest is not looked at."""

    name: str = ""
    region: str = ""
    zone: str = ""
    state: str = ""
    attached_machine_id: str | None = None
    volume_id: str = ""
    volume_name: str = ""
    status: str = ""


async def take_reports(control: Control, host_id: str, body: bytes) -> Accepted:
    """Take a batch that `host_id` sent. Refused (400) if it cannot be read, Forbidden if it speaks of another host."""
    try:
        batch = msgspec.json.decode(body, type=_Batch)
        msgspec.json.decode(batch.host.capacity, type=Capacity)
        reports = [_decode(report, batch.host) for report in batch.reports]
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Refused(f"these reports cannot be read: {problem}") from None
    if batch.host.id != host_id:
        raise Forbidden(f"host {host_id} may not report for host {batch.host.id}")
    card = HostCard(
        id=host_id,
        region=batch.host.region,
        zone=batch.host.zone,
        address=batch.host.address,
        capacity=bytes(batch.host.capacity).decode(),
        book=batch.host.book,
    )
    accepted = await control.write(accept_reports, card, reports, now=control.now())
    control.taken.tell(host_id, accepted.acknowledged)
    return accepted


def _decode(report: _Report, host: _Host) -> Report:
    if report.kind not in TABLES:
        raise msgspec.ValidationError(f"kind {report.kind!r} is none of {', '.join(TABLES)}")
    common: dict[str, Any] = {
        "sequence": report.sequence,
        "kind": report.kind,
        "id": report.id,
        "app": report.app,
    }
    body = bytes(report.body)
    if body == b"null":
        return Report(**common, body=None)
    shown = msgspec.json.decode(body, type=_Shown)
    return Report(
        **common,
        body=body.decode(),
        name=shown.name or shown.volume_name,
        region=shown.region or host.region,
        zone=shown.zone or host.zone,
        state=shown.state or shown.status,
        attached_machine_id=shown.attached_machine_id,
        volume=shown.volume_id,
    )
