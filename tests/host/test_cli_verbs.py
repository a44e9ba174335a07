"""The other verbs against a fake API: machines, apps, status, logs, and how the command line itself behaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host


MACHINE = "00000000000001"
CONFIG = {
    "image": "web:1",
    "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
    "metadata": {"fly_platform_version": "v2", "fly_process_group": "app", "fly_release_version": "3"},
}


@pytest.fixture(autouse=True)
def _app(fly: Fly) -> None:
    fly.api.add_app("myapp")


# --- machines --------------------------------------------------------------------------------------------------------
def test_machine_list_has_flyctl_s_columns_and_the_volume(fly: Fly) -> None:
    volume = "vol_0000000000000009"
    fly.api.volumes[volume] = {"id": volume, "attached_machine_id": None}
    fly.api.add_machine("myapp", {**CONFIG, "mounts": [{"volume": volume, "path": "/data"}]})
    said = fly("m", "ls", "-a", "myapp")
    header, row = said.out.splitlines()[3:5]
    assert [cell.strip() for cell in header.split("│")] == [
        "ID",
        "NAME",
        "STATE",
        "CHECKS",
        "REGION",
        "ROLE",
        "IMAGE",
        "IP ADDRESS",
        "VOLUME",
        "CREATED",
        "LAST UPDATED",
        "PROCESS GROUP",
        "SIZE",
    ]
    assert [cell.strip() for cell in row.split("│")] == [
        MACHINE,
        "name-1",
        "started",
        "",
        "lhr",
        "",
        "web:1",
        "fdaa::1",
        volume,
        "2026-01-02T03:04:05.000000Z",
        "2026-01-02T03:04:05.000000Z",
        "app",
        "shared-cpu-1x:256MB",
    ]
    assert fly("machine", "list", "-q", "-a", "myapp").out == f" {MACHINE} \n"


def test_no_machines_is_said_in_words_and_as_an_empty_array(fly: Fly) -> None:
    assert fly("m", "list", "-a", "myapp").out == "No machines are available on this app myapp\n"
    assert fly("m", "list", "-a", "myapp", "--json").out == "[]\n"


def test_stop_start_and_restart_hold_a_lease_and_give_it_back(fly: Fly) -> None:
    fly.api.add_machine("myapp", CONFIG)
    assert fly("m", "stop", MACHINE, "-a", "myapp", "-s", "SIGTERM").out == (
        f"Sending kill signal to machine {MACHINE}...\n{MACHINE} has been successfully stopped\n"
    )
    assert (
        "POST",
        f"/v1/apps/myapp/machines/{MACHINE}/stop",
        {"id": MACHINE, "timeout": "0s", "signal": "SIGTERM"},
    ) in (fly.api.requests)
    assert fly("m", "start", MACHINE, "-a", "myapp").out == f"{MACHINE} has been started\n"
    assert "restarted successfully" in fly("m", "restart", MACHINE, "-a", "myapp").out
    assert fly.api.leases == {}


def test_a_running_machine_is_destroyed_only_by_force(fly: Fly) -> None:
    fly.api.add_machine("myapp", CONFIG)
    said = fly("m", "destroy", MACHINE, "-a", "myapp")
    assert (said.code, said.err.splitlines()[0]) == (
        1,
        f"Error: machine {MACHINE} currently is started: stop it first, or use --force",
    )
    assert fly("m", "rm", "-f", MACHINE, "-a", "myapp").out.endswith(f"{MACHINE} has been destroyed\n")
    assert fly.api.machines == {}


def test_exec_passes_the_streams_on_and_ends_with_0(fly: Fly) -> None:
    fly.api.add_machine("myapp", CONFIG)
    said = fly("machine", "exec", MACHINE, "ls -l", "-a", "myapp")
    assert (said.code, said.out, said.err) == (0, "ls -l\n", "oops\nExit code: 3\n")


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "destroy", "status"])
def test_an_unknown_machine_is_said_to_be_unknown(fly: Fly, verb: str) -> None:
    said = fly("machine", verb, "ffffffffffffff", "-a", "myapp")
    assert said.code == 1
    assert said.err.startswith("Error: machine ffffffffffffff was not found in app 'myapp'\n")
    assert "is not a machine ID" in fly("machine", verb, "../../x", "-a", "myapp").err


def test_status_of_a_machine_shows_its_events(fly: Fly) -> None:
    fly.api.add_machine("myapp", CONFIG)
    ended = {"exit_event": {"exit_code": 7, "oom_killed": True, "requested_stop": False}}
    fly.api.machines[MACHINE]["events"] = [
        {"id": "1", "type": "exit", "status": "stopped", "source": "flyd", "timestamp": 1000, "request": ended}
    ]
    out = fly("machine", "status", MACHINE, "-a", "myapp").out
    assert f"Machine ID: {MACHINE}\nInstance ID: 011\nState: started\n" in out
    assert (
        " stopped │ exit  │ flyd   │ 1970-01-01T00:00:01.000Z │ exit_code=7,oom_killed=true,requested_stop=false \n"
        in out
    )
    assert json.loads(fly("machine", "status", MACHINE, "-d", "-a", "myapp").out) == CONFIG


# --- apps, status, logs ----------------------------------------------------------------------------------------------
def test_status_shows_the_app_and_its_machines(fly: Fly) -> None:
    fly.api.add_machine("myapp", CONFIG)
    out = fly("status", "-a", "myapp").out
    assert " Name     │ myapp    \n" in out
    assert "Machines\n PROCESS │ ID             │ VERSION │ REGION │ STATE   │ ROLE │ CHECKS │ VOLUME │" in out
    assert f" app     │ {MACHINE} │ 3       │ lhr    │ started │" in out
    assert json.loads(fly("status", "-a", "myapp", "-j").out)["Version"] == 3
    assert fly("status", "-a", "myapp", "--watch", "--json").code == 1


def test_apps_are_created_listed_and_destroyed(fly: Fly) -> None:
    assert fly("apps", "create", "shop").out == "New app created: shop\n"
    said = fly("apps", "create", "shop")
    assert (said.code, said.err.splitlines()[0]) == (
        1,
        "Error: Validation failed: Name has already been taken",
    )
    assert " shop  │ personal │ pending │ " in fly("apps", "list").out
    said = fly("apps", "destroy", "shop")
    assert (said.code, said.err.splitlines()[0]) == (1, "Destroying an app is not reversible.")
    assert fly("apps", "destroy", "shop", "-y").out == "Destroyed app shop\n"
    assert fly("apps", "destroy", "shop", "-y").code == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create",), "name argument or flag must be specified when not running interactively"),
        (("create", "a", "--name", "b"), "two app names specified: a and b"),
        (("create", "No"), "app name 'No' is not valid"),
        (("destroy",), "no app names provided"),
    ],
)
def test_what_is_wrong_with_an_app_s_name_is_said(fly: Fly, words: tuple[str, ...], complaint: str) -> None:
    assert f"Error: {complaint}" in fly("apps", *words).err


def test_logs_without_tail_print_what_there_is(fly: Fly) -> None:
    fly.api.log = ["one", "two"]
    assert fly("logs", "-n", "-a", "myapp").out == (
        "2026-01-02T03:04:05.000000Z app[]  [info]one\n2026-01-02T03:04:05.000000Z app[]  [info]two\n"
    )


def test_what_asks_nothing_of_a_server_needs_none(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLY_ACCESS_TOKEN")
    assert fly("version").out.startswith("fly v")
    assert " shared-cpu-1x   │ 1         │ 256 MB   \n" in fly("platform", "vm-sizes").out
    assert json.loads(fly("platform", "vm-sizes", "--json").out)[0]["name"] == "shared-cpu-1x"


def test_small_questions_have_small_answers(fly: Fly) -> None:
    assert fly("auth", "token").out == "cad_test\n"
    assert fly("auth", "whoami").out == "you@example.com\n"
    assert fly("orgs", "list", "--json").out == '{\n    "personal": "Personal"\n}\n'
    assert fly("platform", "regions").out == " NAME   │ CODE \n Europe │      \n London │ lhr  \n\n"


def test_config_validate_says_what_is_wrong_and_where(fly: Fly) -> None:
    fly.write("fly.toml", 'app = "myapp"\n\n[mounts]\nsource = "data"\ndestination = "/"\nbogus = 1\n')
    said = fly("config", "validate")
    assert (said.code, said.err) == (1, "Error: App configuration is not valid\n")
    assert said.out.startswith("Validating fly.toml\n   ✘ row 5: ")
    fly.write("fly.toml", 'app = "myapp"\n\n[mounts]\nsource = "data"\ndestination = "/data"\nbogus = 1\n')
    assert fly("config", "validate").out == "Validating fly.toml\n✓ Configuration is valid\n"
    said = fly("config", "validate", "--strict")
    assert (said.code, said.err) == (1, "Error: strict validation failed\n")
    assert "mounts.bogus" in said.out


# --- the command line itself -----------------------------------------------------------------------------------------
def test_the_app_comes_from_the_flag_then_the_environment_then_the_file(
    fly: Fly, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = fly("volumes", "list")
    assert said.err.startswith("Error: the config for your app is missing an app name\n")
    for name in ("from-file", "from-env", "from-flag"):
        fly.api.add_app(name)
    fly.write("fly.toml", 'app = "from-file"\n')
    assert fly("volumes", "list").code == 0
    monkeypatch.setenv("FLY_APP", "from-env")
    assert fly("volumes", "list").code == 0
    assert fly("volumes", "list", "-a", "from-flag").code == 0
    paths = [path for _, path, _ in fly.api.requests]
    assert paths == [f"/v1/apps/{name}/volumes" for name in ("from-file", "from-env", "from-flag")]


def test_a_missing_config_names_both_paths_that_were_tried(fly: Fly) -> None:
    said = fly("volumes", "list", "-c", "nope")
    assert said.err == f"Error: no config file found at {fly.folder}/nope or {fly.folder}/nope/fly.toml\n"


def test_without_a_token_it_says_where_one_comes_from(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLY_ACCESS_TOKEN")
    said = fly("volumes", "list", "-a", "myapp")
    assert said.code == 1
    assert said.err.startswith("Error: no access token available\n\nStart a server with `caddis up`")


def test_a_wrong_token_is_said_to_be_wrong_and_a_flag_wins(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLY_ACCESS_TOKEN", "wrong")
    said = fly("volumes", "list", "-a", "myapp")
    assert (said.code, said.err) == (1, "Error: the token is not valid: it is unknown, has expired or was revoked\n")
    assert fly("-t", "cad_test", "volumes", "list", "-a", "myapp").code == 0
    assert fly("volumes", "list", "-a", "myapp", "--access-token=cad_test").code == 0


def test_the_settings_file_is_read_where_the_environment_says_nothing(
    fly: Fly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLY_ACCESS_TOKEN")
    monkeypatch.delenv("FLY_FLAPS_BASE_URL")
    settings = fly.folder / "config" / "caddis" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'url = "{fly.api.url}"\ntoken = "cad_test"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(fly.folder / "config"))
    assert fly("volumes", "list", "-a", "myapp").code == 0


def test_a_server_that_is_not_there_is_said_not_to_be_there(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLY_FLAPS_BASE_URL", "http://127.0.0.1:1")
    said = fly("volumes", "list", "-a", "myapp")
    assert (said.code, said.err.splitlines()[0]) == (
        1,
        "Error: cannot reach the server at http://127.0.0.1:1: is `caddis up` running?",
    )


def test_nouns_print_help_and_unknown_verbs_say_what_is_near(fly: Fly) -> None:
    said = fly("volumes")
    assert (said.code, said.err) == (0, "")
    assert "Usage:\n  fly volumes [command]\n\nAliases:\n  volumes, volume, vol, v\n" in said.out
    said = fly("volumes", "lst")
    assert said.code == 1
    assert said.err.startswith('Error: unknown command "lst" for "fly volumes"\n\nDid you mean this?\n\tlist\n')
    assert said.out == "Run 'fly volumes --help' for usage.\n"


def test_every_verb_has_help(fly: Fly) -> None:
    from caddis.cli.nouns import Leaf, Noun
    from caddis.cli.tree import ROOT

    def check(noun: Noun, path: tuple[str, ...]) -> None:
        for child in noun.children:
            for name in (child.name, *child.aliases):
                said = fly(*path, name, "--help")
                assert said.code == 0
                assert bool(said.err) is (isinstance(child, Leaf) and bool(child.instead))
                assert "Usage:\n  fly " in said.out
            if not isinstance(child, Leaf):
                check(child, (*path, child.name))

    check(ROOT, ())


def test_a_menu_is_moved_through_with_arrows(fly: Fly) -> None:
    first, second = fly.api.add_volume("myapp"), fly.api.add_volume("myapp", "other")
    talk = fly.talk("volumes", "show", "-a", "myapp", term="xterm")
    talk.expect("Select volume:")
    talk.expect(f"> {first}")
    talk.answer("\x1b[B")
    talk.expect(f"> {second}")
    talk.answer("\r")
    assert talk.end() == 0
    assert f"                  ID: {second}\n" in talk.seen


def test_a_question_answered_with_no_ends_quietly(fly: Fly) -> None:
    talk = fly.talk("volumes", "create", "data", "-a", "myapp", "-r", "lhr")
    talk.expect("Do you still want to use the volumes feature? (y/N) ")
    talk.answer("\n")
    assert talk.end() == 0
    assert fly.api.volumes == {}


def test_colours_are_for_terminals_and_no_color_is_honoured(fly: Fly, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = fly.talk("volumes", "show", "x", "-a", "myapp", term="xterm")
    assert talk.end() == 1
    assert "\x1b[31mError:\x1b[0m volume not found" in talk.seen
    monkeypatch.setenv("NO_COLOR", "1")
    talk = fly.talk("volumes", "show", "x", "-a", "myapp", term="xterm")
    assert talk.end() == 1
    assert "Error: volume not found" in talk.seen


def test_version_imports_no_http_and_no_toml(fly: Fly) -> None:
    program = (
        "import sys; from caddis.cli.main import main; main(['version']);"
        "print([name for name in ('httpx2', 'tomlkit', 'msgspec', 'asyncio') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ)
    assert ran.stdout.splitlines()[-1] == "[]"
