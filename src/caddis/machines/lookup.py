"""Looking things up inside a mounted root before anything runs in it: the user, and the program to run."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Sequence

from caddis.domain.errors import Invalid
from caddis.kernel.openat2 import open_folder, open_in_root, read_in_root, stat_in_root
from caddis.machines.accounts import Account, find_account
from caddis.machines.environment import DEFAULT_PATH
from caddis.machines.plan import LaunchPlan

_LIMIT = 1 << 20  # bytes of /etc/passwd and /etc/group that are read


def look_up_account(root: str, user: str) -> Account:
    """Who `user` is by the root's own files; Invalid when it has no such user or group."""
    with open_folder(root) as fd:
        passwd, group = (read_in_root(fd, path, _LIMIT) or b"" for path in ("/etc/passwd", "/etc/group"))
    return find_account(user, passwd.decode(errors="replace"), group.decode(errors="replace"))


def check_program(plan: LaunchPlan) -> None:
    """Invalid when the program to run is not in the root, or cannot be executed.

    The init would only say so in the log and end with 127. What lies on a volume, or behind a link that leads nowhere
    before volumes are mounted, is not judged here.
    """
    with open_folder(plan.root) as fd:
        verdicts = [_judge(fd, path, plan) for path in candidates(plan)]
    if None in verdicts or True in verdicts:
        return
    raise Invalid(f"{plan.argv[0]}: executable not found in the image", field="config.init")


def find_program_in(root: str, path: str) -> bool:
    """Whether a file at this absolute path inside can be run."""
    with open_folder(root) as fd:
        about = stat_in_root(fd, path)
    return about is not None and stat.S_ISREG(about.st_mode) and bool(about.st_mode & 0o111)


def candidates(plan: LaunchPlan) -> Sequence[str]:
    """The absolute paths inside at which argv[0] may be found, as execvp looks for it. Pure."""
    return paths_of(plan.argv[0], plan.workdir, plan.env.get("PATH", DEFAULT_PATH))


def paths_of(program: str, workdir: str, search: str) -> Sequence[str]:
    """The same for any program, folder and PATH. Pure."""
    if "/" in program:
        return (posixpath.join("/", workdir, program),)
    return tuple(posixpath.join("/", workdir, folder, program) for folder in search.split(":"))


def _judge(root: int, path: str, plan: LaunchPlan) -> bool | None:
    """Whether it can be run; None when that cannot be told from here."""
    if any(path.startswith(bind.destination.rstrip("/") + "/") for bind in plan.binds):
        return None
    about = stat_in_root(root, path)
    if about is not None:
        return stat.S_ISREG(about.st_mode) and bool(about.st_mode & 0o111)
    return None if plan.binds and _is_link(root, path) else False


def _is_link(root: int, path: str) -> bool:
    try:
        os.close(open_in_root(root, path, os.O_PATH | os.O_NOFOLLOW))
    except OSError:
        return False
    return True
