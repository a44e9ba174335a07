"""Dockerfiles carried out by the real buildah, with no registry at hand."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from caddis.domain.errors import Invalid, NotFound, Unreachable
from caddis.domain.image import ImageConfig
from caddis.images.store import ImageStore
from image_rooms import make_context, programs_started, seen
from tiny_image import make_tiny_image

pytestmark = pytest.mark.host

TAG = "registry.caddis.internal/app:1"


class Bench:
    """A store with one base, and builds in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ImageStore(folder / "images")
        self.archive = make_tiny_image(folder, files={"/base": b"here"})
        self.base = self.store.import_base("tiny:1", self.archive)
        self.lines: list[str] = []

    def build(self, text: str, *, files: Mapping[str, str] | None = None, **options: object) -> str:
        context = make_context(self.folder / "context.tar", {"Dockerfile": text, **(files or {})})
        self.lines.clear()
        return self.store.build(context, tag=TAG, options=options, on_line=self.lines.append)

    def root(self, reference: str) -> tuple[Path, ImageConfig]:
        config = self.store.ensure(reference)
        return Path(self.store.rootfs(config.digest)), config


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_image_from_scratch(bench: Bench) -> None:
    assert bench.build('FROM scratch\nCOPY x /y\nCMD ["/y"]\n', files={"x": "hello"}) == TAG
    root, config = bench.root(TAG)
    assert [path.name for path in root.iterdir()] == ["y"]
    assert config.cmd == ("/y",)
    assert any(line.startswith("STEP 2/3: COPY") for line in bench.lines)


def test_steps_run_on_a_base_of_ours(bench: Bench) -> None:
    dockerfile = (
        f"FROM {bench.base}\nARG RELEASE=1\nENV RELEASE=$RELEASE\n"
        "RUN cat /base > /copied && id -u >> /copied && chown app /copied\nUSER app\n"
    )
    bench.build(dockerfile, build_args={"RELEASE": "2"}, labels={"made": "by hand"})
    root, config = bench.root(TAG)
    assert (root / "copied").read_text() == "here0\n"
    assert (root / "copied").stat().st_uid == 1000
    assert (config.env["RELEASE"], config.user, config.labels["made"]) == ("2", "app", "by hand")


@pytest.mark.parametrize("form", ["docker-archive", "oci"])
def test_a_base_may_be_a_file_of_the_host(bench: Bench, form: str) -> None:
    reference = bench.archive
    if form == "oci":
        reference = f"oci:{bench.folder}/layout:1"
        subprocess.run(["skopeo", "copy", "--quiet", bench.archive, reference], check=True)
    bench.build(f"FROM {reference}\nRUN cat /base > /copied\n")
    assert (bench.root(TAG)[0] / "copied").read_text() == "here"


def test_stages_and_targets(bench: Bench) -> None:
    dockerfile = (
        f"FROM {bench.base} AS made\nRUN echo a > /a\nFROM scratch AS small\nCOPY --from=made /a /\nFROM made\n"
    )
    bench.build(dockerfile, target="small")
    assert [path.name for path in bench.root(TAG)[0].iterdir()] == ["a"]


def test_a_dockerfile_by_another_name(bench: Bench) -> None:
    bench.build(
        "FROM nowhere\n", files={"deploy/Small": "FROM scratch\nCOPY x /\n", "x": "1"}, dockerfile="deploy/Small"
    )
    assert (bench.root(TAG)[0] / "x").exists()


def test_the_second_build_uses_what_the_first_one_made_unless_told_not_to(bench: Bench) -> None:
    dockerfile = f"FROM {bench.base}\nRUN cat /proc/sys/kernel/random/uuid > /u\n"
    made = []
    for no_cache in (False, False, True):
        bench.build(dockerfile, no_cache=no_cache)
        made.append((bench.root(TAG)[0] / "u").read_text())
    assert made[0] == made[1] != made[2]


def test_a_tag_that_was_built_again_means_the_new_image(bench: Bench) -> None:
    for text in ("1", "2"):
        bench.build("FROM scratch\nCOPY x /\n", files={"x": text})
        assert (bench.root(TAG)[0] / "x").read_text() == text


def test_what_was_built_is_found_by_every_agent_without_a_program(bench: Bench) -> None:
    bench.build("FROM scratch\nCOPY x /\n", files={"x": "1"})
    config = bench.store.ensure(TAG)
    with programs_started() as started:
        assert ImageStore(bench.folder / "images", agent="second").ensure(TAG) == config
    assert started == []


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ("FROM {base}\nRUN echo the reason >&2; exit 3\n", r"exit status 3: the reason$"),
        ("FROM scratch\nCOPY nothing /\n", 'STEP "COPY nothing /".*no such file'),
        ("FROM scratch\nRUM x\n", 'Unknown instruction: "RUM"'),
        ("", "the build failed"),
    ],
)
def test_a_failing_build_says_why_and_leaves_nothing(bench: Bench, dockerfile: str, said: str) -> None:
    before = seen(bench.folder / "images")
    with pytest.raises(Invalid, match=said):
        bench.build(dockerfile.format(base=bench.base))
    assert seen(bench.folder / "images") == before
    with pytest.raises(NotFound):
        bench.store.ensure(TAG)
    containers = bench.folder / "images/build/root/overlay-containers/containers.json"
    assert not containers.exists() or containers.read_text().strip() in ("", "[]")


def test_a_failing_build_leaves_the_former_image_in_place(bench: Bench) -> None:
    bench.build("FROM scratch\nCOPY x /\n", files={"x": "1"})
    with pytest.raises(Invalid):
        bench.build(f"FROM {bench.base}\nRUN false\n")
    assert (bench.root(TAG)[0] / "x").read_text() == "1"


def test_a_base_that_is_nowhere_is_named(bench: Bench) -> None:
    with pytest.raises(NotFound, match=r"registry\.caddis\.internal/base/none:1 does not exist"):
        bench.build("FROM registry.caddis.internal/base/none:1\n")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9/none could not be fetched"):
        bench.build("FROM 127.0.0.1:9/none\n")
    with pytest.raises(NotFound, match=r"docker-archive:/none\.tar does not exist"):
        bench.build("FROM docker-archive:/none.tar\n")


@pytest.mark.parametrize("name", ["Missing", "../../victim", "/etc/passwd"])
def test_a_dockerfile_outside_the_context_is_not_read(bench: Bench, name: str) -> None:
    with pytest.raises(Invalid, match=r"outside the build context|there is no"):
        bench.build("FROM scratch\n", dockerfile=name)


def test_unknown_options_and_foreign_names_are_refused(bench: Bench) -> None:
    with pytest.raises(Invalid, match="build option colour"):
        bench.build("FROM scratch\n", colour="red")
    with pytest.raises(Invalid, match="must look like"):
        bench.store.build("/none", tag="debian:12", options={}, on_line=print)


def test_builds_leave_no_mounts(bench: Bench) -> None:
    bench.build(f"FROM {bench.base}\nRUN true\n")
    assert str(bench.folder) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("begin", ["", "RUN cat /proc/sys/kernel/random/uuid > /before\n"])
def test_the_cache_tells_one_value_of_a_build_argument_from_another(bench: Bench, begin: str) -> None:
    rest = "ARG RELEASE=1\nENV RELEASE=$RELEASE PORT=8080\nWORKDIR /app\nCOPY x .\n"
    values, before = [], set()
    for value in ("2", "3", 'a "b" $c', "2"):
        bench.build(f"FROM {bench.base}\n{begin}{rest}", files={"x": "1"}, build_args={"RELEASE": value})
        root, config = bench.root(TAG)
        values.append(config.env["RELEASE"])
        before.update([(root / "before").read_text()] if begin else [])
    assert values == ["2", "3", 'a "b" $c', "2"]
    assert len(before) == (1 if begin else 0), "what comes before the argument is taken from the cache"
    assert sum("Using cache" in line for line in bench.lines) >= 4, "so is everything for a value that was built before"


def test_a_release_is_unpacked_upon_its_base(bench: Bench) -> None:
    for release in ("1", "2"):
        bench.build(f"FROM {bench.base}\nCOPY x /\n", files={"x": release})
        with programs_started() as started:
            root, _ = bench.root(TAG)
        assert [line.split()[0] for line in started] == ["cp", "umoci"]
        assert ((root / "x").read_text(), (root / "base").read_text()) == (release, "here")
