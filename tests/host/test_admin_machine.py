"""`caddis` on a real machine: probes, refusals, and the supervisor over real children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from caddis.admin import probes
from caddis.admin.installation import Installation
from caddis.admin.supervisor import Program, Supervisor, end_strays, find_strays
from caddis.kernel.command import Command

pytestmark = pytest.mark.host
CADDIS = Path(sys.executable).parent / "caddis"


def caddis(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CADDIS, *arguments], capture_output=True, text=True, timeout=60)


def wait_until(true: Callable[[], object], deadline: float = 10) -> None:
    end = time.monotonic() + deadline
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def program(name: str, tmp_path: Path, code: str) -> Program:
    return Program(name=name, command=Command(argv=(sys.executable, "-c", code)), log=tmp_path / f"{name}.log")


def test_doctor_finds_this_machine_fit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = caddis("doctor", "--data", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "ok       a container" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert "caddis-probe" not in Path("/proc/self/mountinfo").read_text()


def test_doctor_without_root_makes_sense_and_fails(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    # Imported as root: nobody else can read a clone that lies below /root.
    code = "import os, sys\nfrom caddis.admin.probes import *\nos.setgid(65534); os.setuid(65534)\n"
    code += "found = probe_all(Path('/var/lib/caddis')); print(table(found)); sys.exit(bool(missing(found)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "missing  root" in done.stdout
    assert "unknown  mount" in done.stdout


def test_a_missing_program_names_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(probes.PROGRAMS, "no-such-program", "its-package")
    found = probes.probe_all(Path("/var/lib/caddis"))
    assert [probe.package for probe in probes.missing(found)] == ["its-package"]
    assert "its-package" in probes.apt_line(found)


def test_up_refuses_a_port_that_is_taken_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = caddis("up", "--data", str(tmp_path / "data"), "--listen", listen)
    assert done.returncode == 1
    assert f"Error: cannot listen on {listen}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "bad", [("--region", "LHR!"), ("--hosts", "0"), ("--hosts", "x"), ("--pool-size", "abc"), ("--listen", "garbage")]
)
def test_up_refuses_a_bad_flag_and_makes_no_folder(tmp_path: Path, bad: tuple[str, str]) -> None:
    done = caddis("up", "--data", str(tmp_path / "data"), *bad)
    assert done.returncode == 1
    assert "Error: " in done.stderr and bad[1] in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_second_up_on_the_same_data_says_who_holds_it(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.ensure()
    with installation.hold():
        done = caddis("up", "--data", str(tmp_path), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert f"as process {os.getpid()}" in done.stderr


def test_down_and_env_name_a_folder_that_is_no_installation(tmp_path: Path) -> None:
    for verb in ("down", "env"):
        done = caddis(verb, "--data", str(tmp_path))
        assert done.returncode == 1
        assert f"there is no Caddis installation in {tmp_path}" in done.stderr


def test_down_of_an_installation_that_was_never_up_is_silent(tmp_path: Path) -> None:
    Installation(tmp_path).ensure()
    done = caddis("down", "--data", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_child_that_dies_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.add(program("sleeper", tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    log = tmp_path / "sleeper.log"
    try:
        wait_until(lambda: log.read_text().strip())
        os.kill(int(log.read_text()), signal.SIGKILL)
        wait_until(lambda: supervisor.mend() or len(log.read_text().split()) == 2)
    finally:
        supervisor.end()
    assert "sleeper was ended by SIGKILL; starting it again in 1 s" in said[0]
    assert said[1] == "sleeper is started again"


def test_the_plain_sentence_of_a_child_that_cannot_start_is_heard(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    code = "import sys; print('noise'); sys.exit('Error: the pool is too large\\n       choose less')"
    supervisor.add(program("agent h1", tmp_path, code))
    wait_until(supervisor.find_ended)
    ended = supervisor.find_ended()
    assert ended is not None
    assert ended[1:] == (1, "the pool is too large\n       choose less") or "the pool is too large" in ended[2]


def test_children_end_together_and_are_out_of_reach_of_a_terminals_interrupt(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    for name in ("one", "two"):
        supervisor.add(program(name, tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    wait_until(lambda: all(log.read_text().strip() for log in logs))
    pids = [int(log.read_text()) for log in logs]
    assert all(os.getsid(pid) == pid for pid in pids)
    supervisor.end()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_programs_that_a_killed_up_left_behind_are_found_and_ended(tmp_path: Path) -> None:
    code = "import time; time.sleep(60)"
    stray = subprocess.Popen([sys.executable, "-c", code, "-m", "caddis.agent", "--data", str(tmp_path)])
    other = subprocess.Popen([sys.executable, "-c", code, "-m", "caddis.agent", "--data", str(tmp_path / "other")])
    try:
        wait_until(lambda: find_strays(tmp_path) == [stray.pid])
        assert end_strays(tmp_path) == 1
        assert stray.wait(10) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        for process in (stray, other):
            process.kill()
            process.wait()
