"""The requests of every flyctl command that should work, in the client's order, against a real installation.

The table in docs/guide/flyctl.md is what came of it: with CADDIS_WRITE_DOCS=1 it is written, else compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyctl import walk
from flyctl.everyday import EVERYDAY, NOT_HERE
from flyctl.rig import Command, Session
from real_calls import Calls
from real_up import free_port, left_behind, running
from tiny_image import make_tiny_image

pytestmark = pytest.mark.e2e

COMMANDS: tuple[Command, ...] = (
    walk.LAUNCH,
    walk.CREATE_VOLUME,
    walk.FIRST_DEPLOY,
    walk.LIST_VOLUMES,
    walk.LIST_MACHINES,
    walk.STATUS,
    walk.SECOND_DEPLOY,
    walk.SCALE,
    walk.SHOW_SCALE,
    *EVERYDAY,
    walk.DESTROY_MACHINES,
    walk.DESTROY_VOLUMES,
    walk.DESTROY_APP,
)
TABLE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "flyctl.md"
_BEGIN, _END = "<!-- what works: written by tests/e2e/test_flyctl_contract.py -->\n", "<!-- end -->\n"
_played: dict[str, list[str]] = {}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    registry = f"127.0.0.1:{free_port()}"
    with running("--registry", registry, hosts=2, pool_size="8G") as up:
        calls = Calls(up, "other", make=False)
        image = make_tiny_image(up.data.parent, name="web", cmd=("sh", "-c", "echo up; exec sleep infinity"))
        yield Session(calls.client, calls.token, {"app": "web1", "image": image, "registry": registry})
        calls.close()
    assert left_behind(up.data) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_answers_have_what_the_client_needs(session: Session, command: Command) -> None:
    _played[command.name] = ["it broke off"]
    _played[command.name] = session.play(command)
    assert not _played[command.name], "\n".join(_played[command.name])


def test_the_table_in_the_guide_is_what_came_of_it() -> None:
    if len(_played) < len(COMMANDS):
        pytest.fail("the table can only be compared when every command was played: run the whole file")
    lines = ["| flyctl command | works |", "|---|---|"]
    lines += [f"| `{command.name}` | {'no' if _played[command.name] else 'yes'} |" for command in COMMANDS]
    lines += [f"| `{command.name}` | no: {command.missing} |" for command in NOT_HERE]
    written = TABLE.read_text()
    before, _, rest = written.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    wanted = before + _BEGIN + "\n".join(lines) + "\n" + _END + after
    if os.environ.get("CADDIS_WRITE_DOCS"):
        TABLE.write_text(wanted)
    assert TABLE.read_text() == wanted, "CADDIS_WRITE_DOCS=1 and this file again write the table anew"
