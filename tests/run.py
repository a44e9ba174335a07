"""Runs the tests rung by rung: `python tests/run.py check` (what needs no machine) or `test` (everything).

Says first what this machine lacks and what would bring it. The vm rung runs beside the others, since its guests take
long. A rung that cannot run is listed loudly at the end, and makes the run fail under CI=true. The last line counts the
tests of all rungs.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
REPORTS = ROOT / ".cache" / "tests"


@dataclass(frozen=True)
class Rung:
    """`folders` and `marks` choose the tests; `machine` says whether it needs all that `caddis doctor` asks for.

    One that runs `beside` the others begins with the first of them, takes only what they leave of the processors, and
    is told of when they have ended. One whose tests mostly wait has its files shared out among `shares` runs at once.
    """

    name: str
    folders: tuple[str, ...]
    marks: str = ""
    machine: bool = False
    beside: bool = False
    shares: int = 1

    def share_out(self) -> list[Rung]:
        """One rung for each share, with files that take about as long in all."""
        files = sorted((file for folder in self.folders for file in (ROOT / folder).glob("test_*.py")), key=_weight)
        shares: list[list[Path]] = [[] for _ in range(self.shares)]
        for file in reversed(files):
            min(shares, key=lambda share: sum(map(_weight, share))).append(file)
        return [
            replace(self, name=f"{self.name}, {number} of {self.shares}", folders=tuple(map(str, sorted(share))))
            for number, share in enumerate(shares, 1)
        ]


@dataclass
class Tally:
    """What happened so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


GATES = (
    ("formatting", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("types", ("mypy",)),
    ("import contracts", ("lint-imports",)),
)
_SLOW = {"test_launch.py": 6, "test_a_known_app.py": 4}  # what they build is downloaded first
PURE = Rung("unit, wire and house", ("tests/unit", "tests/wire", "tests/house"))
RUNGS = (
    Rung("crash over fakes", ("tests/crash",), "not host"),
    Rung("host, and crash over the real kernel", ("tests/host", "tests/crash"), "host", machine=True),
    Rung("e2e", ("tests/e2e",), machine=True, shares=2),
    Rung("vm", ("tests/vm",), machine=True, beside=True),
)


def main() -> int:
    """The exit status."""
    heed_signals()
    everything = sys.argv[1:] != ["check"]
    tally, lacking = Tally(), ""
    if everything:
        lacking = what_is_missing()
        print(lacking or "machine: everything that the rungs need is here", flush=True)
    run_gates_beside(PURE, tally)
    rungs = [rung for rung in RUNGS if everything and not (rung.machine and lacking)]
    tally.left_out = [rung.name for rung in RUNGS if everything and rung not in rungs]
    with ExitStack() as stack:
        beside = [stack.enter_context(Running(rung, apart=True, yields=True)) for rung in rungs if rung.beside]
        for rung in rungs:
            if not rung.beside:
                run_rung(rung, tally)
        for running in beside:
            running.conclude(tally)
    return conclude(tally, everything, lacking)


def what_is_missing() -> str:
    """One screen about what this machine lacks, from the same probes as `caddis doctor`; "" when nothing."""
    asked = subprocess.run((BIN / "python", "-m", "caddis.admin.probes", "--json"), capture_output=True, text=True)
    if asked.returncode != 0:
        return f"machine: caddis.admin.probes failed:\n{asked.stderr}"
    lacking = [probe for probe in json.loads(asked.stdout) if probe["state"] != "ok"]
    needed = [probe for probe in lacking if probe["state"] in ("missing", "unknown") or probe["package"]]
    if not needed:
        return ""
    lines = ["machine: this lacks what some rungs need:"]
    lines += [
        f"  {probe['name']}: {probe['detail']}" + f" -> {probe['remedy']}" * bool(probe["remedy"]) for probe in needed
    ]
    if packages := sorted({probe["package"] for probe in needed if probe["package"]}):
        lines.append(f"  bring it with: apt-get install -y --no-install-recommends {' '.join(packages)}")
    return "\n".join(lines)


def run_gates_beside(rung: Rung, tally: Tally) -> None:
    """The gates run two at a time while the pure tests run: types take as long as all of these."""
    with ThreadPoolExecutor(2) as pool:
        gates = [(name, pool.submit(_quietly, argv)) for name, argv in GATES]
        run_rung(rung, tally)
        for name, gate in gates:
            status, said = gate.result()
            print(f"{'ok    ' if status == 0 else 'FAILED'} {name}" + (f"\n{said}" if status else ""), flush=True)
            tally.passed += status == 0
            tally.failed += status != 0


def run_rung(rung: Rung, tally: Tally) -> None:
    """Run its tests under pytest and count them."""
    with ExitStack() as stack:
        apart = rung.shares > 1
        parts = rung.share_out() if apart else [rung]
        for running in [stack.enter_context(Running(part, apart=apart)) for part in parts]:
            running.conclude(tally)


class Running:
    """A rung's tests under pytest; what is left of them at the end of the block is ended.

    Run `apart`, they say nothing until they are concluded; with `yields`, everything else goes first.
    """

    def __init__(self, rung: Rung, *, apart: bool = False, yields: bool = False) -> None:
        self.rung, self.yields = rung, yields
        REPORTS.mkdir(parents=True, exist_ok=True)
        self.report = REPORTS / f"{re.sub(r'[^a-z0-9]+', '-', rung.name)}-{os.getpid()}.xml"
        self.said = self.report.with_suffix(".txt") if apart else None

    def __enter__(self) -> Running:
        if self.said is None:
            print(f"\n=== {self.rung.name} ===", flush=True)
        marks = ("-m", self.rung.marks) if self.rung.marks else ()
        argv = (BIN / "python", "-m", "pytest", *self.rung.folders, *marks, "-rs", f"--junitxml={self.report}")
        out = self.said.open("wb") if self.said else None
        self.tests = subprocess.Popen(argv, cwd=ROOT, stdout=out, stderr=out, start_new_session=bool(out))
        if out:
            out.close()
        if self.yields:
            yield_processors(self.tests.pid)
        return self

    def __exit__(self, *_problem: object) -> None:
        if self.tests.poll() is None:
            self.tests.terminate() if self.said is None else os.killpg(self.tests.pid, signal.SIGINT)
            self.tests.wait()
        if self.said:
            self.said.unlink(missing_ok=True)

    def conclude(self, tally: Tally) -> None:
        """Wait for the end, and count."""
        status, name = self.tests.wait(), self.rung.name
        if self.said:
            print(f"\n=== {name} ===\n{self.said.read_text(errors='replace')}", flush=True)
        passed, failed, skipped, took = _count(self.report)
        print(f"--- {name}: {passed} passed, {failed} failed, {skipped} skipped, {took:.0f} s", flush=True)
        tally.passed, tally.failed, tally.skipped = (
            tally.passed + passed,
            tally.failed + failed,
            tally.skipped + skipped,
        )
        if passed + failed == 0:
            tally.broken.append(f"{name}: no test ran")
        elif status != 0 and failed == 0:
            tally.broken.append(f"{name}: pytest ended with status {status}")


def heed_signals() -> None:
    """What nohup, or a script's `&`, has us ignore would be ignored by all that the tests start and interrupt, too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def yield_processors(pid: int) -> None:
    """Let everything else go first. Where the kernel groups processes by session, the group is what has to be nice."""
    os.setpriority(os.PRIO_PROCESS, pid, 19)
    try:
        Path(f"/proc/{pid}/autogroup").write_text("19")
    except OSError:
        pass  # a kernel that does not group them


def conclude(tally: Tally, everything: bool, lacking: str) -> int:
    """Say how it went; the exit status."""
    print()
    strict = os.environ.get("CI", "").lower() in ("true", "1")
    if tally.left_out:
        print(f"NOT RUN, because of what this machine lacks: {'; '.join(tally.left_out)}\n{lacking}\n")
        if strict:
            print("CI=true: a rung that was promised did not run, so this counts as a failure\n")
    for complaint in tally.broken:
        print(f"BROKEN: {complaint}")
    if everything and not tally.left_out:
        print("every rung ran")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return int(bool(tally.failed or tally.broken or (strict and tally.left_out)))


def _quietly(argv: tuple[str, ...]) -> tuple[int, str]:
    done = subprocess.run((BIN / argv[0], *argv[1:]), cwd=ROOT, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def _weight(file: Path) -> int:
    """How long a file's tests take beside others': by its length, which is near enough for most."""
    return file.stat().st_size * _SLOW.get(file.name, 1)


def _count(report: Path) -> tuple[int, int, int, float]:
    """Passed, failed, skipped, and seconds."""
    try:
        suites = ElementTree.parse(report).getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError):
        return 0, 0, 0, 0.0
    total = failed = skipped = 0
    took = 0.0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
        took += float(suite.get("time", 0))
    report.unlink()
    return max(0, total - failed - skipped), failed, skipped, took


if __name__ == "__main__":
    sys.exit(main())
