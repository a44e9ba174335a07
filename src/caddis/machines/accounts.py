"""Who a machine's process runs as: the image's `USER` looked up in the image's own /etc/passwd and /etc/group. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from caddis.domain.errors import Invalid

_MAX_ID = 2**31 - 1  # what container tools agree on; the kernel would take one bit more


@dataclass(frozen=True, slots=True)
class Account:
    """As the kernel wants it. `groups` are the supplementary ones."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


def find_account(user: str, passwd: str, group: str) -> Account:
    """The account meant by "", name, uid, name:group or uid:gid; Invalid, plainly, when a name is not there.

    A number need not be listed. Without a group it is the user's own, with the groups that list the user; with one it
    is that alone. Both as Docker does.
    """
    name, _, group_name = (user or "0").partition(":")
    users = [fields for line in passwd.splitlines() if len(fields := line.split(":")) >= 6]
    groups = [fields for line in group.splitlines() if len(fields := line.split(":")) >= 4]
    entry = next((fields for fields in users if fields[0] == name), None) or next(
        (fields for fields in users if fields[2] == name), None
    )
    uid = _number(entry[2]) if entry else _number(name)
    if uid is None:
        raise Invalid(f"the image has no user {name!r} in /etc/passwd", field="config.init.user")
    home = (entry[5] if entry else "") or "/"
    if group_name:
        return Account(uid, _find_group(group_name, groups), (), home)
    own = _number(entry[3]) if entry else None
    member_of = tuple(
        gid
        for fields in groups
        if entry and entry[0] in fields[3].split(",") and (gid := _number(fields[2])) is not None
    )
    return Account(uid, own or 0, tuple(gid for gid in member_of if gid != (own or 0)), home)


def _find_group(name: str, groups: list[list[str]]) -> int:
    listed = next((fields[2] for fields in groups if fields[0] == name), name)
    gid = _number(listed)
    if gid is None:
        raise Invalid(f"the image has no group {name!r} in /etc/group", field="config.init.user")
    return gid


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= _MAX_ID else None
