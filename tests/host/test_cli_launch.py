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
    assert "source = 'kept'" in written(fly)
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
        (("--db",), "--db is not there: no database comes with a launch"),
        (("--from", "https://x"), "--from is not there: `git clone` the repository"),
        (("--attach",), "--attach is not there"),
        (("--manifest",), "--manifest is not there"),
        (("--reuse-app",), "--reuse-app is no longer supported"),
        (("--secret", "x"), "--secret 'x' is not NAME=VALUE"),
        (("--env", "x"), "--env 'x' is not NAME=VALUE"),
        (("--internal-port", "70000"), "--internal-port is 70000"),
        (("--auto-stop", "soon"), "--auto-stop is 'soon'"),
        (("--no-create-app",), "--no-create-app needs the name of an app"),
        (("-v", "a:/a", "-v", "b:/b"), "--volume a and --volume b are for the same machines"),
        (("-v", "a:/a:processes=none"), "the app's configuration would not be valid: "),
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


FLASK = {"requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n"}


def folder_of(fly: Fly, files: dict[str, str]) -> None:
    for name, text in files.items():
        fly.write(name, text)


def test_a_dockerfile_is_written_where_there_is_none_and_built(fly: Fly) -> None:
    folder_of(fly, FLASK)
    said = fly("launch", "--ha=false")
    assert said.code == 0, said.err
    assert "Detected a Flask app\n" in said.out
    lines = said.out.splitlines()
    written = [line for line in lines if line.startswith(("Created app", "Wrote", "image:"))]
    assert [line.split("'")[0] for line in written] == [
        "Created app ",
        "Wrote Dockerfile",
        "Wrote .dockerignore",
        "Wrote config file fly.toml",
        "image: web:deployment-1",
    ]
    assert "internal_port = 8080" in (fly.folder / "fly.toml").read_text()
    assert "gunicorn" in (fly.folder / "Dockerfile").read_text()
    assert "fly.toml\n" in (fly.folder / ".dockerignore").read_text()


def test_a_dockerignore_that_is_there_stays(fly: Fly) -> None:
    folder_of(fly, {**FLASK, ".dockerignore": "mine\n"})
    assert fly("launch", "--no-deploy").code == 0
    assert (fly.folder / ".dockerignore").read_text() == "mine\n"


def test_a_dockerignore_is_made_of_the_gitignores_if_wanted(fly: Fly) -> None:
    folder_of(fly, {"Dockerfile": "FROM x\n", ".gitignore": "# built\n*.log\n/dist/\n!keep.log\n"})
    (fly.folder / "web").mkdir()
    (fly.folder / "web" / ".gitignore").write_text("cache\na/b\n")
    assert fly("launch", "--no-deploy", "--dockerignore-from-gitignore").code == 0
    text = (fly.folder / ".dockerignore").read_text()
    assert text.splitlines()[1:] == [
        *("fly.toml", ".git", "", "# from .gitignore", "# built", "**/*.log", "dist", "!**/keep.log"),
        *("", "# from web/.gitignore", "web/**/cache", "web/a/b"),
    ]


DJANGO = {"requirements.txt": "django\npsycopg\n", "manage.py": "", "Dockerfile": "FROM mine\nEXPOSE 4000\n"}


def test_a_dockerfile_that_is_there_is_kept_unless_yes_replaces_it(fly: Fly) -> None:
    folder_of(fly, DJANGO)
    for words in ((), ("--now", "--yes")):
        said = fly("launch", "--no-deploy", "--name", f"kept{len(words)}", *words)
        assert "Keeping the Dockerfile that is there\n" in said.out or words, said
        assert (fly.folder / "Dockerfile").read_text() == DJANGO["Dockerfile"]
        assert "internal_port = 4000" in written(fly)
        (fly.folder / "fly.toml").unlink()
    said = fly("launch", "--no-deploy", "--yes")
    assert "Kept the former Dockerfile as Dockerfile.old\n" in said.out
    assert (fly.folder / "Dockerfile.old").read_text() == DJANGO["Dockerfile"]
    assert "internal_port = 8000" in written(fly)
    assert "release_command = 'python3 manage.py migrate --noinput'" in written(fly)


def test_on_a_terminal_it_is_asked_whether_a_dockerfile_may_go(fly: Fly) -> None:
    folder_of(fly, DJANGO)
    talk = fly.talk("launch", "--no-deploy")
    talk.expect("Overwrite Dockerfile? (y/N) ")
    talk.answer("\x03")
    assert talk.end() == 127
    assert fly.api.apps == {}
    assert (fly.folder / "Dockerfile").read_text() == DJANGO["Dockerfile"]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("package.json", "{", "package.json is not valid JSON: "),
        ("pyproject.toml", "[", "pyproject.toml is not valid TOML: "),
        ("go.mod", "", "go.mod has no line that says `module NAME`"),
    ],
)
def test_a_malformed_source_is_named_before_anything_is_made(fly: Fly, name: str, text: str, complaint: str) -> None:
    fly.write(name, text)
    said = fly("launch", "--yes")
    assert (said.code, fly.api.apps) == (1, {})
    assert said.err.startswith(f"Error: {complaint}")
    assert [path.name for path in fly.folder.iterdir()] == [name]


def test_what_has_no_recipe_is_named_and_launched_blank(fly: Fly) -> None:
    fly.write("mix.exs", ":phoenix")
    said = fly("launch", "--yes")
    assert said.code == 0
    assert "fly launch writes no Dockerfile for Phoenix yet" in said.err
    assert fly.api.machines == {}


def test_an_app_that_was_made_by_a_launch_that_then_failed_is_named(fly: Fly) -> None:
    folder_of(fly, FLASK)
    fly.api.build_lines[:] = ['{"error": "no pip", "hint": "look"}']
    said = fly("launch", "--yes")
    assert said.code == 1
    assert "The app my-app was created. Go on with `fly deploy`, or take it away: fly apps destroy my-app\n" in said.err
    assert said.err.endswith("Error: the build failed: no pip\n\nlook\n")
    fly.api.build_lines[:] = ['{"image": "web:2"}']
    assert fly("deploy", "--ha=false").code == 0


def test_an_old_file_s_build_section_spares_the_scan(fly: Fly) -> None:
    folder_of(fly, {**FLASK, "fly.toml": "app = 'old'\n[build]\n  image = 'web:7'\n[[vm]]\n  memory = '512mb'\n"})
    said = fly("launch", "--copy-config", "--ha=false", "--yes")
    assert said.code == 0, said.err
    assert "Using build strategy: the image web:7. Remove [build]" in said.out
    assert "shared-cpu-1x, 512MB RAM" in said.out
    assert [one["config"]["image"] for one in fly.api.machines.values()] == ["web:7"]
    assert not (fly.folder / "Dockerfile").exists()


def test_who_launches_an_app_that_exists_is_pointed_to_deploy(fly: Fly) -> None:
    fly.api.add_app("old")
    fly.write("fly.toml", "app = 'old'\n")
    talk = fly.talk("launch", "--copy-config", "--no-deploy")
    talk.expect("run `fly deploy` instead.")
    talk.expect("Launch it as a new app all the same? (y/N) ")
    talk.answer("n\n")
    assert talk.end() == 0
    assert list(fly.api.apps) == ["old"]


def test_flags_reach_the_file(fly: Fly) -> None:
    flags = ("--env", "A=1", "--command", "/app --serve", "--vm-memory", "512", "--auto-stop", "off", "-r", "lhr")
    assert fly("launch", "--no-deploy", "--image", "web:1", *flags).code == 0
    assert "[env]\n  A = '1'" in written(fly)
    assert "app = '/app --serve'" in written(fly)
    assert "memory = '512mb'" in written(fly)
    assert "auto_stop_machines = 'off'" in written(fly)


def test_secrets_are_set_before_the_deploy_and_a_framework_s_key_is_made_up(fly: Fly) -> None:
    folder_of(fly, {**DJANGO, "shop_wsgi.py": ""})
    (fly.folder / "shop").mkdir()
    (fly.folder / "shop" / "wsgi.py").write_text("")
    (fly.folder / "shop" / "settings.py").write_text("SECRET_KEY = os.environ['SECRET_KEY']\n")
    said = fly("launch", "--no-deploy", "--secret", "TOKEN=a=b")
    assert said.code == 0, said.err
    assert "Set secrets on my-app: SECRET_KEY, TOKEN\n" in said.out
    (sent,) = [body for method, path, body in fly.api.requests if path.endswith("/secrets") and method == "POST"]
    assert sent["values"]["TOKEN"] == "a=b"
    assert len(sent["values"]["SECRET_KEY"]) > 40


def test_an_old_file_s_port_gives_way_to_where_the_new_dockerfile_listens(fly: Fly) -> None:
    old = "app = 'old'\n[http_service]\n  internal_port = 9999\n  min_machines_running = 2\n"
    folder_of(fly, {**FLASK, "fly.toml": old})
    assert fly("launch", "--copy-config", "--no-deploy").code == 0
    assert "internal_port = 8080\n  min_machines_running = 2" in written(fly)
