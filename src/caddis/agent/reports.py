"""Telling the API what changed on this host: in order, numbered, and again until it was acknowledged.

An empty report is the heartbeat. While the API is away, lines stay in the outbox and machines run on (promise P11).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2

from caddis.agent.book import OutboxLine
from caddis.agent.changes import Changes
from caddis.agent.present import Presenter
from caddis.agent.threads import in_thread
from caddis.telemetry.log import note

HEARTBEAT = 5.0  # seconds
_AFTER_FAILURE = 1.0
_DEADLINE = 10.0


class Reporter:
    """Pushes the outbox of one host to one API."""

    def __init__(self, presenter: Presenter, changes: Changes, *, api: str, token_file: Path, address: str) -> None:
        self._presenter = presenter
        self._changes = changes
        self._api = api
        self._token_file = token_file
        self._address = address
        self._reached = True

    async def run(self) -> None:
        """For ever: report what is new at once, and a heartbeat when nothing is."""
        book = self._presenter.book
        async with httpx2.AsyncClient(timeout=_DEADLINE) as client:
            while True:
                lines = await in_thread(book.list_outbox)
                if await self._push(client, lines):
                    if lines:
                        continue  # there may be more
                    await self._changes.wait_until(lambda: book.list_outbox(1) or None, HEARTBEAT)
                else:
                    await asyncio.sleep(_AFTER_FAILURE)

    async def _push(self, client: httpx2.AsyncClient, lines: list[OutboxLine]) -> bool:
        body = await in_thread(self._body, lines)
        token = await in_thread(self._token_file.read_text)
        url = f"{self._api}/internal/hosts/{self._presenter.world.host}/reports"
        try:
            answer = await client.post(url, json=body, headers={"Authorization": f"Bearer {token.strip()}"})
            answer.raise_for_status()
            taken = answer.json()
            acknowledged = int(taken["acknowledged"])
        except (httpx2.HTTPError, ValueError, KeyError) as failure:
            if self._reached:
                note("the API does not take reports", api=self._api, why=str(failure))
            self._reached = False
            return False
        if not self._reached:
            note("the API takes reports again", api=self._api)
        self._reached = True
        if lines:
            await in_thread(self._presenter.book.write, lambda writer: writer.forget_reported(acknowledged))
        if taken.get("tell_everything"):
            await in_thread(self._presenter.book.write, lambda writer: writer.report_everything())
        return True

    def _body(self, lines: list[OutboxLine]) -> dict[str, Any]:
        world = self._presenter.world
        return {
            "host": {
                "id": world.host,
                "region": world.region,
                "zone": world.zone,
                "address": self._address,
                "book": self._presenter.book.name(),
                "capacity": self._presenter.capacity(),
            },
            "reports": [
                {
                    "sequence": line.sequence,
                    "kind": line.kind,
                    "id": line.id,
                    "app": line.app,
                    "body": self._presenter.find(line.kind, line.id),
                }
                for line in lines
            ],
        }
