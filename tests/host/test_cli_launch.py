"""`fly launch` against a fake API, where nobody can be asked and on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fakes.fly_command import Fly

pytest_plugins = ("fakes.fly_command",)
pytestmark = pytest.mark.host


DOCKERFILE = 'FROM scratch\nEXPOSE 3000\nVOLUME ["/var/lib/thing"]\n'


def written(fly: Fly) -> str:
    """The file without its heading."""
    return "\n".join(line for line in (fly.folder / "fly.toml").read_text().splitlines() if not line.startswith("#"))


def test_launch_reads_port_and_volume_from_a_dockerfile_and_shows_what_it_makes(fly: Fly) -> None:
    fly.write("Dockerfile", DOCKERFILE)
    said = fly("launch", "--no-deploy")
    assert said.code == 0, said.err
    assert said.out == (
        "Scanning source code\n"
        "Detected a Dockerfile app\n"
        f"Creating app in {fly.folder}\n"
        "We're about to launch your Dockerfile app on Caddis. Here's what you're getting:\n"
        "\n"
        "Organization: Personal\n"
        "Name:         my-app                     (derived from your directory name)\n"
        "Region:       London (lhr)               (this is the nearest region)\n"
        "App Machines: shared-cpu-1x, 1024MB RAM  (most apps need about 1GB of RAM)\n"
        "Volume:       thing at /var/lib/thing\n"
        "\n"
        "Created app 'my-app' in organization 'personal'\n"
        "Wrote config file fly.toml\n"
        "Your app is ready! Deploy with `flyctl deploy`\n"
    )
    assert written(fly) == (
        "\n"
        "app = 'my-app'\n"
        "primary_region = 'lhr'\n"
        "\n"
        "[[mounts]]\n"
        "  source = 'thing'\n"
        "  destination = '/var/lib/thing'\n"
        "\n"
        "[http_service]\n"
        "  internal_port = 3000\n"
        "  force_https = true\n"
        "  auto_stop_machines = 'stop'\n"
        "  auto_start_machines = true\n"
        "  min_machines_running = 0\n"
        "  processes = ['app']\n"
        "\n"
        "[[vm]]\n"
        "  memory = '1gb'\n"
        "  cpu_kind = 'shared'\n"
        "  cpus = 1"
    )


def test_launch_with_an_image_deploys_where_nobody_can_be_asked(fly: Fly) -> None:
    said = fly("launch", "--image", "web:1", "--name", "shop", "--ha=false", "--internal-port", "80")
    assert said.code == 0, said.err
    assert "Using image web:1\n" in said.out
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["web:1"]
    assert "[build]\n  image = 'web:1'" in written(fly)
    assert fly.api.releases[0]["status"] == "complete"


def test_a_blank_app_is_written_but_not_deployed(fly: Fly) -> None:
    said = fly("launch", "--name", "shop", "--now")
    assert said.code == 0, said.err
    assert said.out.endswith("Wrote config file fly.toml\nYour app is ready! Deploy with `flyctl deploy`\n")
    assert fly.api.machines == {}


def test_a_folder_s_name_that_is_taken_gets_an_ending(fly: Fly) -> None:
    fly.api.add_app("my-app")
    assert fly("launch", "--no-deploy").code == 0
    (made,) = set(fly.api.apps) - {"my-app"}
    assert made.startswith("my-app-")


def test_a_volume_flag_becomes_a_mount_with_its_options(fly: Fly) -> None:
    flag = "data:/data:initial_size=10gb,snapshot_retention=14"
    assert fly("launch", "--no-deploy", "--name", "x1", "-v", flag).code == 0
    assert "[[mounts]]\n  source = 'data'\n  destination = '/data'\n  initial_size = '10gb'" in written(fly)
    assert "snapshot_retention = 14" in written(fly)


def test_an_old_file_is_used_with_copy_config_and_replaced_with_yes(fly: Fly) -> None:
    fly.write("fly.toml", 'app = "old"\n[mounts]\nsource = "kept"\ndestination = "/kept"\n')
    said = fly("launch", "--no-deploy")
    assert said.code == 1
    assert "an existing fly.toml was found" in said.err
    assert fly.api.apps == {}
    assert fly("launch", "--no-deploy", "--copy-config").code == 0
    assert 'source = "kept"' in written(fly)  # as it was written
    assert list(fly.api.apps) == ["old"]
    assert fly("launch", "--no-deploy", "--yes", "--name", "new").code == 0
    assert "kept" not in written(fly)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--name", "taken"), "the app name taken is already taken"),
        (("--name", "Not_Good"), "app name 'Not_Good' is not valid"),
        (("-r", "xyz"), "region xyz not found"),
        (("-o", "nobody"), "organization nobody not found"),
        (("-v", "data"), "--volume 'data' is not NAME:/PATH"),
        (("-v", "data:/"), "a volume cannot be mounted on /"),
        (("-v", "data:data"), "mount path 'data' must be absolute"),
        (("-v", "data:/data:size=3"), "unknown mount option: size"),
        (("--vm-memory", "100"), "--vm.memory_mb is 100"),
        (("--db",), "--db is not there yet"),
        (("--from", "https://x"), "--from is not there yet"),
        (("--image", "docker-archive:none.tar"), "image 'docker-archive:none.tar': there is no "),
        (("--dockerfile", "none"), "dockerfile '"),
        (("--path", "none"), "there is no folder "),
        (("extra",), "accepts at most 0 arg(s), received 1"),
    ],
)
def test_bad_input_makes_neither_app_nor_file(fly: Fly, words: tuple[str, ...], complaint: str) -> None:
    fly.api.add_app("taken")
    said = fly("launch", "--no-deploy", *words)
    assert said.code == 1
    assert f"Error: {complaint}" in said.err
    assert list(fly.api.apps) == ["taken"]
    assert not (fly.folder / "fly.toml").exists()


def test_the_page_s_launch_on_a_terminal(fly: Fly) -> None:
    fly.write("Dockerfile", DOCKERFILE)
    talk = fly.talk("launch", term="xterm")
    talk.expect("Do you want to tweak these settings before proceeding? (y/N) ")
    talk.answer("\n")
    talk.expect("Would you like to deploy now? (y/N) ")
    assert "Wrote config file fly.toml\n" in talk.seen
    talk.answer("n\n")
    assert talk.end() == 0
    assert "Would you like to deploy now? No\n" in talk.seen
    assert talk.seen.endswith("Your app is ready! Deploy with `flyctl deploy`\n")


def test_settings_can_be_tweaked_on_a_terminal(fly: Fly) -> None:
    talk = fly.talk("launch", "--no-deploy")
    talk.expect("tweak these settings before proceeding? (y/N) ")
    talk.answer("y\n")
    talk.expect("App name: (my-app) ")
    talk.answer("shop\n")
    talk.expect("Select region: (1) ")
    talk.answer("\n")
    talk.expect("Machine size: (1) ")
    talk.answer("2\n")
    talk.expect("Memory in MB: (512) ")
    talk.answer("\n")
    assert talk.end() == 0, talk.seen
    assert list(fly.api.apps) == ["shop"]
    assert "cpus = 2" in written(fly)


def test_ctrl_c_at_a_question_ends_with_127_and_leaves_nothing(fly: Fly) -> None:
    talk = fly.talk("launch")
    talk.expect("tweak these settings before proceeding? (y/N) ")
    talk.answer("\x03")
    assert talk.end() == 127
    assert "Error" not in talk.seen
    assert fly.api.apps == {}
    assert not (fly.folder / "fly.toml").exists()


def test_no_app_is_made_when_its_file_could_not_be_written(fly: Fly) -> None:
    (fly.folder / "fly.toml").mkdir()
    for words in ((), ("--config", "nowhere/fly.toml")):
        said = fly("launch", "--yes", "--no-deploy", *words)
        assert said.code == 1
        assert said.err.count("Error: ") == 1 and "fly.toml" in said.err
    assert fly.api.apps == {}
