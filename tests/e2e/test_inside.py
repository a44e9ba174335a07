"""Into running machines and out of them: shells, commands, files, ports, logs, and machines for one visit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from pseudo_terminal import Terminal, sitting_at
from real_calls import Calls
from real_machines import wait_until
from real_up import BIN, left_behind, running

pytestmark = pytest.mark.e2e

API, AGENT = "caddis.api", "caddis.agent"
SERVING = (
    "mkdir -p /www; echo hello > /www/index.html; httpd -p 8080 -h /www; nc -ll -p 9001 -e sha256sum & "
    "nc -ll -p 9002 -e cat & exec sleep 100000"
)


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    with running(hosts=1, pool_size="7G") as up:
        calls = Calls(up, "inside")
        yield calls
        calls.close()
    assert left_behind(up.data) == []


@pytest.fixture(scope="module")
def machine(calls: Calls) -> str:
    id = calls.make_machine(SERVING, volume=calls.make_volume(require_unique_zone=False))
    calls.await_state(id, "started")
    return id


def fly(calls: Calls, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [BIN / "fly", *words, "-a", calls.app]
    return subprocess.run(command, input=stdin, capture_output=True, env=calls.up.environment, timeout=120)


def inside(calls: Calls, machine: str) -> list[str]:
    """What runs in the machine beside its own programs."""
    commands = [process["command"] for process in calls.ok("GET", f"/machines/{machine}/ps")]
    own = ("/.caddis/init", "sleep 100000", "httpd", "nc -ll", "/bin/busybox httpd", "sh -c mkdir", "/bin/sh -c mkdir")
    return [command for command in commands if not command.startswith(own)]


@pytest.fixture
def _nothing_stays(calls: Calls, machine: str) -> Iterator[None]:
    yield
    wait_until(lambda: inside(calls, machine) == [], "nothing of it is left inside", deadline=20)
    wait_until(lambda: not session_files(machine), "nothing of it is left beside the machine", deadline=20)


def session_files(machine: str) -> list[Path]:
    return list(Path("/run/caddis").glob(f"*/*/containers/{machine}/exec-*"))


@contextmanager
def console(calls: Calls, *words: str, verb: Sequence[str] = ("ssh", "console")) -> Iterator[Terminal]:
    environment = {**calls.up.environment, "TERM": "xterm", "NO_COLOR": "1"}
    argv = (str(BIN / "fly"), *verb, "-a", calls.app, *words)
    with sitting_at(*argv, environment=environment, folder=calls.up.data.parent, size=(33, 101)) as terminal:
        yield terminal


# --- shells ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_nothing_stays")
def test_a_shell_has_a_terminal_as_large_as_the_window_and_its_status_is_ours(calls: Calls, machine: str) -> None:
    with console(calls) as terminal:
        before = terminal.modes()
        terminal.await_text("# ")
        terminal.type("busybox stty size; tty; echo $TERM $((40 + 2))\r")
        assert "33 101" in (said := terminal.await_text("xterm 42")) and "/dev/pts/" in said
        terminal.resize(50, 120)
        terminal.type("while [ \"$(busybox stty size)\" != '50 120' ]; do sleep 0.05; done; echo re''sized\r")
        terminal.await_text("resized")
        terminal.type("exit 5\r")
        assert terminal.await_end() == 5
        assert terminal.modes() == before


@pytest.mark.usefixtures("_nothing_stays")
def test_ctrl_c_ends_what_runs_there_and_not_fly(calls: Calls, machine: str) -> None:
    with console(calls) as terminal:
        terminal.await_text("# ")
        terminal.type("echo be''gun; sleep 501; echo status $?\r")
        terminal.await_text("begun")
        wait_until(lambda: "sleep 501" in inside(calls, machine), "it sleeps")
        terminal.type("\x03")
        terminal.type("echo still he''re\r")
        terminal.await_text("still here")
        terminal.type("exit\r")
        terminal.await_end()


@pytest.mark.usefixtures("_nothing_stays")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_when_fly_is_ended_nothing_stays_inside_and_the_terminal_is_as_it_was(
    calls: Calls, machine: str, number: int
) -> None:
    with console(calls) as terminal:
        before = terminal.modes()
        terminal.await_text("# ")
        terminal.type("trap '' TERM; sleep 502 & sleep 503\r")
        wait_until(lambda: {"sleep 502", "sleep 503"} <= set(inside(calls, machine)), "both sleep")
        terminal.program.send_signal(number)
        code = terminal.await_end()
        if number != signal.SIGKILL:
            assert (code, terminal.modes()) == (128 + number, before)


@pytest.mark.usefixtures("_nothing_stays")
def test_a_bare_shell_is_given_a_terminal_with_a_warning(calls: Calls, machine: str) -> None:
    with console(calls, "-C", "sh") as terminal:
        terminal.await_text("Warning: a shell needs a terminal")
        terminal.await_text("# ")
        terminal.type("tty; exit 0\r")
        terminal.await_text("/dev/pts/")
        assert terminal.await_end() == 0


@pytest.mark.usefixtures("_nothing_stays")
def test_what_made_itself_a_session_of_its_own_goes_on(calls: Calls, machine: str) -> None:
    with console(calls) as terminal:
        terminal.await_text("# ")
        terminal.type("setsid sleep 504 </dev/null >/dev/null 2>&1 & sleep 505\r")
        wait_until(lambda: {"sleep 504", "sleep 505"} <= set(inside(calls, machine)), "both sleep")
        terminal.program.kill()
        wait_until(lambda: inside(calls, machine) == ["sleep 504"], "only the daemon is left")
    calls.shell(machine, "kill $(ps | awk '/sleep 504/ && !/awk/ {print $1}')")


# --- commands -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_nothing_stays")
def test_a_command_reads_and_writes_every_byte_and_its_status_is_ours(calls: Calls, machine: str) -> None:
    every_byte = os.urandom(8 << 20)
    ran = fly(calls, "ssh", "console", "-C", "cat", stdin=every_byte)
    assert (ran.returncode, ran.stderr, ran.stdout == every_byte) == (0, b"", True)
    ran = fly(calls, "ssh", "console", "-C", "sh -c 'echo out; echo err >&2; exit 7'")
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, b"out\n", b"err\n")
    assert fly(calls, "ssh", "console", "-C", "sh -c 'kill -9 $$'").returncode == 137
    ran = fly(calls, "ssh", "console", "-C", "nosuch --flag")
    assert (ran.returncode, ran.stderr) == (127, b"nosuch: executable not found\n")


@pytest.mark.usefixtures("_nothing_stays")
def test_without_a_terminal_a_shell_reads_its_commands_from_stdin(calls: Calls, machine: str) -> None:
    ran = fly(calls, "ssh", "console", stdin=b"echo user $(id -un); exit 3\n")
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, b"user root\n", b"")
    assert fly(calls, "ssh", "console", "-u", "app", "-C", "sh -c 'id -un; echo $HOME'").stdout == b"app\n/home/app\n"
    assert b"the image has no user 'nobodyhere'" in fly(calls, "ssh", "console", "-u", "nobodyhere").stderr


@pytest.mark.usefixtures("_nothing_stays")
@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("sh -c 'sleep 511 & sleep 512'", "sleep 100"),
        ("sleep 513", "cat /dev/zero"),  # it does not read what is sent
        ("cat /dev/zero", "sleep 100"),  # it writes what nobody reads
    ],
)
def test_a_fly_that_is_killed_leaves_nothing_inside_whatever_is_on_its_way(
    calls: Calls, machine: str, there: str, here: str
) -> None:
    source = subprocess.Popen(here.split(), stdout=subprocess.PIPE)
    command = [BIN / "fly", "ssh", "console", "-a", calls.app, "-C", there]
    reading, writing = os.pipe()
    sitting = subprocess.Popen(command, stdin=source.stdout, stdout=writing, env=calls.up.environment)
    try:
        wait_until(lambda: inside(calls, machine), "it runs")
        wait_until(lambda: session_files(machine), "it is known")
    finally:
        sitting.kill()
        source.kill()
        for process in (sitting, source):
            process.wait()
        assert source.stdout is not None
        source.stdout.close()
        os.close(reading)
        os.close(writing)


@pytest.mark.usefixtures("_nothing_stays")
@pytest.mark.parametrize(
    ("daemon", "sentence"), [(API, "the connection to the server broke"), (AGENT, "the machine's host broke off")]
)
def test_a_daemon_that_is_killed_ends_sessions_and_leaves_nothing_inside_once_it_is_back(
    calls: Calls, machine: str, daemon: str, sentence: str
) -> None:
    with console(calls) as terminal:
        terminal.await_text("# ")
        terminal.type("sleep 520\r")
        wait_until(lambda: "sleep 520" in inside(calls, machine), "it sleeps")
        calls.kill(daemon)
        assert terminal.await_end() == 1
        terminal.await_text(f"Error: {sentence}")


def test_which_machine_it_is_is_said_and_what_is_wrong_is_too(calls: Calls, machine: str) -> None:
    other = calls.make_machine("sleep 100000")
    calls.await_state(other, "started")
    said = fly(calls, "ssh", "console", "-C", "true").stderr.decode()
    assert re.fullmatch(rf"No machine specified, using ({machine}|{other}) in region lhr\n", said), said
    assert fly(calls, "ssh", "console", "-q", "-C", "true").stderr == b""
    ran = fly(calls, "ssh", "console", "--machine", other, "-C", "hostname")
    assert (ran.stdout.decode().strip(), ran.stderr) == (other, b"")
    calls.ok("POST", f"/machines/{other}/stop", {"signal": "SIGKILL"})
    calls.await_state(other, "stopped")
    ran = fly(calls, "ssh", "console", "--machine", other, "-C", "true")
    assert (ran.returncode, f"machine {other} is stopped" in ran.stderr.decode()) == (1, True)
    calls.ok("DELETE", f"/machines/{other}")
    ran = fly(calls, "ssh", "console", "-r", "cdg", "-C", "true")
    assert (ran.returncode, b"has no started VMs in region cdg" in ran.stderr) == (1, True)
    assert b"the command is empty" in fly(calls, "ssh", "console", "-C", "").stderr


def test_exec_passes_a_text_on_when_it_is_told_to(calls: Calls, machine: str) -> None:
    assert fly(calls, "machine", "exec", machine, "cat", "--stdin", stdin=b"some text").stdout == b"some text"
    assert fly(calls, "machine", "exec", machine, "cat", stdin=b"some text").stdout == b""
    ran = fly(calls, "machine", "exec", machine, "sh -c 'exit 9'")
    assert (ran.returncode, ran.stderr) == (0, b"Exit code: 9\n")
    assert b"not text" in fly(calls, "machine", "exec", machine, "cat", "--stdin", stdin=b"\xff\xfe").stderr


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_large_file_goes_in_and_comes_out_as_it_was(calls: Calls, machine: str, tmp_path: Path) -> None:
    big, back = tmp_path / "big", tmp_path / "back"
    big.write_bytes(os.urandom(50 << 20))
    put = fly(calls, "sftp", "put", "-m", "0640", "-u", "app", str(big), "/data/big")
    assert put.returncode == 0, put.stderr
    assert calls.shell(machine, "stat -c '%a %U %s' /data/big") == f"640 app {50 << 20}\n"
    got = fly(calls, "sftp", "get", "/data/big", str(back))
    assert got.returncode == 0, got.stderr
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(big.read_bytes()).digest()
    for words in (("put", str(big), "/data/big"), ("get", "/data/big", str(back))):
        refused = fly(calls, "sftp", *words)
        assert (refused.returncode, b"exists already" in refused.stderr) == (1, True)
    calls.shell(machine, "rm /data/big")


def test_links_of_the_machine_lead_nowhere_but_inside(calls: Calls, machine: str, tmp_path: Path) -> None:
    calls.shell(
        machine, "mkdir /links; cd /links; ln -s /etc/hostname file; ln -s ../../../../../../.. up; ln -s / top"
    )
    got = fly(calls, "sftp", "get", "/links/up/etc/hostname", str(tmp_path / "one"))
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "one").read_text().strip() == machine
    assert fly(calls, "sftp", "get", "/links/file", str(tmp_path / "two")).returncode == 0
    assert (tmp_path / "two").read_text().strip() == machine
    put = fly(calls, "sftp", "put", str(tmp_path / "one"), "/links/top/links/new")
    assert put.returncode == 0, put.stderr
    assert calls.shell(machine, "cat /links/new").strip() == machine
    assert not Path("/links").exists()
    for outside in ("/proc/1/root/etc/hostname", "/proc/self/root/etc/hostname"):
        assert fly(calls, "sftp", "get", outside, str(tmp_path / "no")).returncode == 1
    names = fly(calls, "ssh", "sftp", "find", "/links").stdout.decode().split()
    assert names == ["/links", "/links/file", "/links/new", "/links/top", "/links/up"]
    assert fly(calls, "sftp", "get", "-R", "/links", str(tmp_path / "links")).returncode == 0
    assert os.readlink(tmp_path / "links" / "top") == "/"


def test_a_put_that_cannot_be_whole_leaves_nothing(calls: Calls, machine: str, tmp_path: Path) -> None:
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    assert b"is not a file" in fly(calls, "sftp", "put", str(fifo), "/data/x").stderr
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(2 << 30)
    full = fly(calls, "sftp", "put", str(big), "/data/full")
    assert (full.returncode, b"the file system is full" in full.stderr) == (1, True)
    command = [BIN / "fly", "sftp", "put", big, "/tmp/broken", "-a", calls.app]
    putting = subprocess.Popen(command, env=calls.up.environment)
    used = "df -k /tmp | tail -1 | awk '{print $3}'"
    before = int(calls.shell(machine, used))
    wait_until(lambda: int(calls.shell(machine, used)) > before + 1000, "some of it is there")
    putting.kill()
    putting.wait()
    wait_until(lambda: int(calls.shell(machine, used)) < before + 1000, "nothing of it is there")
    assert calls.shell(machine, "ls -A /data /tmp | grep -v lost") == "/data:\n\n/tmp:\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("get", "/nosuch"), "there is no /nosuch in the machine"),
        (("get", "/etc", "away"), "/etc is a folder"),
        (("get", "/dev/null", "away"), "/dev/null is a character device, not a file"),
        (("get", "-R", "/", "away"), "holds more than files"),
        (("get", "-R", "/proc/1", "away"), "holds more than files"),
        (("put", "/etc/hostname", "/etc"), "/etc is a folder"),
        (("put", "/etc/hostname", "/nosuch/x"), "there is no /nosuch in the machine"),
        (("put", "/etc/hostname", "/proc/x"), "/proc/x cannot be written"),
        (("put", "-m", "rw", "/etc/hostname", "/x"), "--mode is 'rw'"),
        (("put", "/nosuch"), "there is no file /nosuch"),
        (("find", "/nosuch"), "there is no /nosuch in the machine"),
    ],
)
def test_what_cannot_be_got_or_put_is_said(
    calls: Calls, machine: str, words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    words = tuple(str(tmp_path / word) if word == "away" else word for word in words)
    ran = fly(calls, "sftp", *words)
    assert (ran.returncode, sentence in ran.stderr.decode()) == (1, True), ran.stderr
    assert list(tmp_path.iterdir()) == []


# --- ports ----------------------------------------------------------------------------------------------------------


@contextmanager
def proxy(calls: Calls, remote: int, *more: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        local = probe.getsockname()[1]
    command = [BIN / "fly", "proxy", f"{local}:{remote}", *more, "-a", calls.app]
    process = subprocess.Popen(
        command, env=calls.up.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Proxying local port {local} to remote [")
        yield local, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 127


def test_many_connections_at_once_reach_a_port_of_the_machine(calls: Calls, machine: str) -> None:
    with proxy(calls, 8080, f"{machine}.vm.{calls.app}.internal") as (port, _process):
        said: list[str] = []

        def ask() -> None:
            said.append(httpx2.get(f"http://127.0.0.1:{port}/index.html", trust_env=False, timeout=60).text)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said == ["hello\n"] * 20


def test_each_direction_of_a_connection_ends_by_itself(calls: Calls, machine: str) -> None:
    sent = os.urandom(3 << 20)
    with proxy(calls, 9001) as (port, _process), socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(1000):
            answer += data
    assert answer.split()[0].decode() == hashlib.sha256(sent).hexdigest()


def test_a_port_on_which_nobody_listens_is_told_in_one_line(calls: Calls, machine: str) -> None:
    with proxy(calls, 9999) as (port, process), socket.create_connection(("127.0.0.1", port), 60) as connection:
        assert connection.recv(10) == b""
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line == (
            f"A connection was closed: cannot connect to port 9999 of machine {machine}: connection refused\n"
        )
        with socket.create_connection(("127.0.0.1", port), 60) as again:
            assert again.recv(10) == b""
    taken = fly(calls, "proxy", calls.client.base_url.netloc.decode().rpartition(":")[2])
    assert (taken.returncode, b"address already in use" in taken.stderr) == (1, True)
    assert b"'x' is not a port" in fly(calls, "proxy", "x:80").stderr


# --- logs -----------------------------------------------------------------------------------------------------------


def test_a_burst_is_followed_whole_and_in_order_while_the_api_is_killed(calls: Calls) -> None:
    script = (
        "while [ ! -e /go ]; do sleep 0.1; done; seq 1 5000; while [ ! -e /on ]; do sleep 0.1; done; seq 5001 10000"
    )
    id = calls.make_machine(f"echo ready; {script}; exec sleep 100000")
    calls.await_state(id, "started")
    command = [BIN / "fly", "logs", "-a", calls.app, "-m", id, "--json"]
    following = subprocess.Popen(command, env=calls.up.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    assert (first["message"], first["instance"], first["region"]) == ("ready", id, "lhr")
    calls.shell(id, "touch /go")
    found = [json.loads(following.stdout.readline())["message"] for _ in range(2000)]
    calls.kill(API)
    calls.shell(id, "touch /on")
    found += [json.loads(following.stdout.readline())["message"] for _ in range(8000)]
    assert found == [str(number) for number in range(1, 10001)]
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=30)
    assert following.returncode == 127
    told = fly(calls, "logs", "-m", id, "--no-tail").stdout.decode().splitlines()
    assert re.fullmatch(rf"\S+ app\[{id}\] lhr \[info\]10000", told[-1]), told[-1]
    calls.ok("DELETE", f"/machines/{id}?force=true")


def test_logs_of_what_is_not_there_are_refused(calls: Calls, machine: str) -> None:
    assert b"has no machines in region 'cdg': it has some in lhr" in fly(calls, "logs", "-r", "cdg").stderr
    assert b"machine 00000000000000 was not found" in fly(calls, "logs", "-m", "00000000000000").stderr


# --- a machine for the length of a visit ----------------------------------------------------------------------------


def consoles(calls: Calls) -> list[str]:
    machines = calls.ok("GET", "/machines")
    return [one["id"] for one in machines if one["config"]["metadata"].get("caddis_console")]


def sleeps(calls: Calls, command: str) -> bool:
    """Whether a console runs it."""
    started = [id for id in consoles(calls) if calls.machine(id)["state"] == "started"]
    return any(command in inside(calls, id) for id in started)


def test_a_console_is_a_machine_of_its_own_and_goes_with_its_visitor(calls: Calls, machine: str) -> None:
    folder = calls.up.data.parent
    config = folder / "console.toml"
    config.write_text(
        f'app = "{calls.app}"\nprimary_region = "lhr"\nconsole_command = "sh -c \'echo $COLOUR $EXTRA; exit 6\'"\n'
        '[env]\nCOLOUR = "green"\n'
    )
    ran = fly(calls, "console", "-c", str(config), "--image", calls.image, "-e", "EXTRA=more")
    assert (ran.returncode, ran.stdout.decode().splitlines()[-1]) == (6, "green more"), ran.stderr
    assert consoles(calls) == []
    with console(calls, "--image", calls.image, verb=("console",)) as terminal:
        terminal.await_text("# ")
        (id,) = consoles(calls)
        wanted = calls.machine(id)["config"]
        assert (wanted["auto_destroy"], wanted.get("services"), wanted.get("mounts")) == (True, None, None)
        terminal.type("hostname\r")
        terminal.await_text(id)
        terminal.program.kill()
        wait_until(lambda: consoles(calls) == [], "it is gone", deadline=20)


def test_a_console_is_given_up_with_ctrl_c_and_uses_a_volume_that_is_free(calls: Calls, machine: str) -> None:
    with console(calls, "--image", calls.image, "-C", "sleep 530", verb=("console",)) as terminal:
        terminal.await_text("to run the console.")
        wait_until(lambda: sleeps(calls, "sleep 530"), "it sleeps")
        terminal.type("\x03")
        assert terminal.await_end() == 130
        assert consoles(calls) == []
    refused = fly(calls, "console", "--image", calls.image, "--volume", "data:/data", "-C", "true")
    assert (refused.returncode, b"attached to a machine already" in refused.stderr) == (1, True), refused.stderr
    volume = calls.make_volume(name="spare", require_unique_zone=False)
    ran = fly(calls, "console", "--image", calls.image, "-V", f"{volume}:/spare", "-C", "sh -c 'df /spare | tail -1'")
    assert (ran.returncode, b"/spare" in ran.stdout) == (0, True), ran.stderr
    assert b"has no release whose image" in fly(calls, "console", "-C", "true").stderr
    assert consoles(calls) == []
