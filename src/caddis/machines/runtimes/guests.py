"""What is run inside machines beside their own programs: the part of a runtime that sees to it.

A guest's runtime writes into the machine's folder, so a machine that is deleted takes no new ones, and waits for those
that it has.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from signal import SIGHUP

from caddis.machines.accounts import Account
from caddis.machines.execution import Inside, execute_inside, stopped
from caddis.machines.lookup import look_up_account
from caddis.machines.plan import ExecResult, SessionPlan
from caddis.machines.sessions import Session, end_strays, open_guest_root, open_session


class Guests(ABC):
    """What a container runtime can do inside of a machine that runs."""

    def __init__(self) -> None:
        self._guests = threading.Condition()  # what the next two count
        self._executing: Counter[str] = Counter()
        self._deleting: Counter[str] = Counter()

    @abstractmethod
    def find_watched_pid(self, name: str) -> int | None:
        """None when it does not run."""

    @abstractmethod
    def list_names(self) -> list[str]:
        """Every machine of which there is something."""

    @abstractmethod
    def _inside(self, name: str) -> Inside:
        """Its files, name and group."""

    def execute(
        self, name: str, argv: Sequence[str], *, stdin: bytes, timeout: float, env: Mapping[str, str]
    ) -> ExecResult:
        """Run a program inside, to its end; TimedOut, with nothing of it left, when `timeout` seconds did not do."""
        inside = self._enter(name)
        try:
            return execute_inside(inside, argv, stdin=stdin, timeout=timeout, env=env)
        finally:
            self._leave(name)

    def open_session(self, name: str, plan: SessionPlan) -> Session:
        """Start a program that someone sits at; it must be given to `close_session`, once."""
        inside = self._enter(name)
        try:
            return open_session(inside, plan)
        except BaseException:
            self._leave(name)
            raise

    def close_session(self, name: str, session: Session, *, hang_up: bool) -> tuple[int, bytes]:
        """Its exit status and a last word, once its streams have ended; or `hang_up` on it, whatever it does."""
        try:
            if hang_up:
                session.hang_up()
                return 128 + SIGHUP, b""
            return session.finish()
        finally:
            self._leave(name)

    def end_strays(self) -> None:
        """End what was run inside for someone by an agent that is no more."""
        for name in self.list_names():
            end_strays(self._inside(name))

    def open_root(self, name: str) -> int:
        """A descriptor of the root that its programs see, for the caller to close; Conflict when it does not run."""
        with open_guest_root(self._inside(name)) as root:
            return os.dup(root)

    def find_account(self, name: str, user: str) -> Account:
        """Who `user` is inside, by the machine's own files; Invalid when there is no such user."""
        with open_guest_root(self._inside(name)) as root:
            return look_up_account(f"/proc/self/fd/{root}", user)

    def _enter(self, name: str) -> Inside:
        if self.find_watched_pid(name) is None:
            raise stopped(name)
        with self._guests:
            if self._deleting[name]:
                raise stopped(name)
            self._executing[name] += 1
        return self._inside(name)

    def _leave(self, name: str) -> None:
        with self._guests:
            self._executing[name] -= 1
            self._guests.notify_all()

    @contextmanager
    def _refusing_guests(self, name: str) -> Iterator[None]:
        with self._guests:
            self._deleting[name] += 1
        try:
            yield
        finally:
            with self._guests:
                self._deleting[name] -= 1

    def _await_no_guests(self, name: str, seconds: float) -> None:
        with self._guests:
            self._guests.wait_for(lambda: not self._executing[name], seconds)
