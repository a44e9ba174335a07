"""Blue and green: all new machines beside the old ones, then the switch, then the old ones go (docs/decisions/0032)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from caddis.cli.deploy.finishing import FINISH_SECONDS
from caddis.cli.deploy.moves import UpdateMachine
from caddis.cli.deploy.parallel import in_parallel
from caddis.cli.deploy.replace import REPLACED_BY, REPLACES
from caddis.cli.deploy.schedule import PHASES
from caddis.cli.machine.waiting import wait_until
from caddis.client.machines import create_machine, set_cordoned, set_metadata, stop_machine
from caddis.domain.errors import NotFound, Problem

if TYPE_CHECKING:
    from caddis.cli.deploy.execute import Execution

_STOP_SECONDS = 330.0  # longer than any kill_timeout


class BlueGreen:
    """`blue` are the machines that run now. Up to the switch a failure deletes the green ones only."""

    def __init__(self, execution: Execution, blue: Sequence[UpdateMachine]) -> None:
        self._execution, self._blue = execution, blue
        self._green: dict[str, str] = {}  # by the blue machine's id
        self._documents: dict[str, dict[str, Any]] = {}
        self._work: dict[str, Callable[[UpdateMachine], None]] = {
            "create": self._create,
            "start": self._start,
            "check": self._check,
            "hand over": self._hand_over,
            "uncordon": self._uncordon,
            "cordon": self._cordon,
            "stop": self._stop,
            "destroy": self._destroy,
        }

    def run(self) -> None:
        """Phase by phase, each for all machines before the next."""
        execution, undo = self._execution, True
        try:
            for phase in PHASES if self._blue else ():
                if undo and not phase.undo:
                    execution.successors.update(self._green)
                    undo = False
                execution.progress.say(phase.says)
                self._for_all(phase.name)
        except (Problem, KeyboardInterrupt) as reason:
            if isinstance(reason, KeyboardInterrupt):
                execution.finishing.close(FINISH_SECONDS)
            if undo:
                self._roll_back()
            raise
        finally:
            execution.progress.close()

    def _for_all(self, name: str) -> None:
        work = self._work[name]
        in_parallel(
            [lambda change=change: work(change) for change in self._blue],  # type: ignore[misc]
            at_once=self._execution.options.max_concurrent,
        )

    def _create(self, change: UpdateMachine) -> None:
        execution = self._execution
        document = execution.document_for(change)
        self._documents[change.machine] = document
        metadata = {**document["metadata"], REPLACES: change.machine}
        body = {
            "config": {**document, "metadata": metadata},
            "region": change.region,
            "skip_service_registration": True,
        }
        with execution.finishing.part():
            green = str(execution.call.send(create_machine(execution.app, body))["id"])
            self._green[change.machine] = green
            execution.leases.acquire([green])
        execution.progress.say(f"  Created machine {green} [{change.group}] beside {change.machine}, without traffic")

    def _start(self, change: UpdateMachine) -> None:
        green, document = self._green[change.machine], self._documents[change.machine]
        with self._explained(green):
            self._execution.seeing.see_started(green, document, self._teller(change), group=change.group)

    def _check(self, change: UpdateMachine) -> None:
        green = self._green[change.machine]
        with self._explained(green):
            self._execution.seeing.see_healthy(green, self._teller(change))
        self._execution.progress.end(green, f"  Machine {green} [{change.group}] is healthy")

    def _teller(self, change: UpdateMachine) -> Callable[[str], None]:
        green, progress = self._green[change.machine], self._execution.progress
        return lambda words: progress.show(green, f"  Machine {green} [{change.group}] {words}")

    @contextmanager
    def _explained(self, green: str) -> Iterator[None]:
        try:
            yield
        except Problem as problem:
            self._execution.progress.end(green, f"  Machine {green} failed: {problem.message}")
            self._execution.seeing.explain(green, problem)
            problem.hint = (
                "Nothing was switched: the app runs on as before. Mend what the log tells, then run fly deploy."
            )
            raise

    def _hand_over(self, change: UpdateMachine) -> None:
        """From here on a deploy that finds both goes on with the green one, whatever happened to this one."""
        self._send(set_metadata, change.machine, REPLACED_BY, self._green[change.machine])

    def _uncordon(self, change: UpdateMachine) -> None:
        green = self._green[change.machine]
        self._set_cordoned(green, False)
        self._send(set_metadata, green, REPLACES, "")

    def _cordon(self, change: UpdateMachine) -> None:
        self._set_cordoned(change.machine, True)

    def _stop(self, change: UpdateMachine) -> None:
        execution = self._execution
        request = stop_machine(
            execution.app, change.machine, signal=execution.options.signal, nonce=execution.leases.nonce(change.machine)
        )
        execution.call.send(request)
        wait_until(execution.call.client, execution.app, change.machine, "stopped", seconds=_STOP_SECONDS)

    def _destroy(self, change: UpdateMachine) -> None:
        green = self._green[change.machine]
        self._execution.destroy(change.machine)
        self._execution.ledger.note_moved(machine=change.machine, to=green, volume=None, to_volume=None)
        self._execution.progress.say(f"  Machine {green} [{change.group}] is in the place of {change.machine}")

    def _set_cordoned(self, machine: str, cordoned: bool) -> None:
        execution = self._execution
        nonce = execution.leases.nonce(machine)
        execution.call.send(set_cordoned(execution.app, machine, cordoned=cordoned, nonce=nonce))

    def _send(self, request: Callable[..., Any], machine: str, *more: Any) -> None:
        execution = self._execution
        execution.call.send(request(execution.app, machine, *more, nonce=execution.leases.nonce(machine)))

    def _roll_back(self) -> None:
        """Best effort: what cannot be deleted now is settled by the next deploy."""
        execution = self._execution
        if not self._green:
            return
        execution.progress.say("Rolling back failed deployment")
        for blue, green in self._green.items():
            try:
                self._send(set_metadata, blue, REPLACED_BY, "")
                execution.destroy(green)
                execution.progress.say(f"  Deleted machine {green}; {blue} runs on")
            except NotFound:
                continue
            except Problem as problem:
                execution.progress.say(
                    f"  Machine {green} could not be deleted, the next deploy will: {problem.message}"
                )
