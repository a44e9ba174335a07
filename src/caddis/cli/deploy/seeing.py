"""Seeing that a machine runs: started, machine checks, smoke check, health checks, in that order (1.7, 1.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caddis.cli.deploy.machine_checks import run_machine_checks
from caddis.cli.deploy.options import Options
from caddis.cli.deploy.progress import Progress
from caddis.cli.deploy.waits import listening, smoke_check, tcp_ports, wait_healthy, wait_listening, wait_started
from caddis.cli.log_lines import last_lines
from caddis.client.transport import Client
from caddis.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

Wire = Mapping[str, Any]
Tell = Callable[[str], None]
SHOWN_LOG_LINES = 20


@dataclass(kw_only=True)
class Seeing:
    """For one deploy; `checks` are the machine checks by process group."""

    client: Client
    app: str
    options: Options
    progress: Progress
    checks: Mapping[str, Sequence[Wire]]
    seen: dict[str, tuple[str, Wire]] = field(default_factory=dict)  # by group: a machine to look at at the end

    def see(self, machine: str, document: Wire, tell: Tell, *, group: str = "") -> None:
        """Problem, after its last log lines, when it does not run or is not healthy."""
        try:
            self.see_started(machine, document, tell, group=group)
            self.see_healthy(machine, tell)
        except Problem as problem:
            self.explain(machine, problem)
            raise

    def see_started(self, machine: str, document: Wire, tell: Tell, *, group: str = "") -> None:
        """It runs, its machine checks pass, and it stays up."""
        tell("is starting")
        wait_started(self.client, self.app, machine, seconds=self.options.wait_timeout)
        if self.options.detach:
            return
        if self.checks.get(group):
            tell("is tried by its machine checks")
            seconds = self.options.wait_timeout
            checks = self.checks[group]
            run_machine_checks(self.client, self.app, machine, checks=checks, document=document, seconds=seconds)
        if self.options.smoke_checks:
            tell("has started, and is watched for a moment")
            smoke_check(self.client, self.app, machine, document)
        if group:
            self.seen.setdefault(group, (machine, document))

    def see_healthy(self, machine: str, tell: Tell) -> None:
        """Its health checks pass."""
        if self.options.detach:
            return
        seconds = self.options.wait_timeout
        wait_healthy(
            self.client,
            self.app,
            machine,
            seconds=seconds,
            tell=lambda passing, total: tell(f"is waited for to become healthy: {passing}/{total}"),
        )

    def explain(self, machine: str, problem: Problem) -> None:
        """Its last lines, and what the person can do."""
        lines = last_lines(self.client, self.app, machine, SHOWN_LOG_LINES)
        if lines:
            self.progress.say(f"The last lines of machine {machine}:\n" + "\n".join(f"  {line}" for line in lines))
        said = problem.hint or f"See fly logs -a {self.app} --machine {machine}."
        problem.hint = f"{said} What was deployed stays; once it is mended, fly deploy goes on from here."

    def warn_of_loopback(self) -> str:
        """A warning where a group's first machine listens only where nobody else reaches it; "" where all is well."""
        told = []
        if not self.options.smoke_checks:
            return ""
        for group, (machine, document) in self.seen.items():
            ports = tcp_ports(document)
            missing = wait_listening(self.client, self.app, machine, document) if ports else set()
            if missing:
                wanted = "\n".join(f"  - 0.0.0.0:{port}" for port in sorted(missing, key=int))
                found = sorted(listening(self.client, self.app, machine)[1])
                open_now = "\n".join(f"  - {one}" for one in found) or "  none"
                told.append(
                    f"WARNING: the app is not listening on the expected address and will not be reachable: machine"
                    f" {machine} [{group}] should listen on\n{wanted}\nIts processes listen on\n{open_now}"
                )
        return "\n".join(told)
