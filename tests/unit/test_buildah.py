"""buildah's command lines, and the most telling line of a failed build."""

from __future__ import annotations

import pytest

from caddis.kernel import buildah
from caddis.kernel.buildah import Build, Storage

STORAGE = Storage(root="/b/root", runroot="/b/run")
_BUILDAH = "buildah --root /b/root --runroot /b/run --storage-driver overlay"
_OWN = f"unshare --mount --propagation slave -- {_BUILDAH}"
_WITH_US = (
    "setpriv --pdeathsig KILL -- unshare --mount --propagation slave --pid --fork --kill-child --mount-proc --"
    f" {_BUILDAH}"
)


def test_a_build_touches_nothing_of_the_hosts_storage_and_neither_mount_nor_process_of_it_stays() -> None:
    wanted = Build(context="/c", dockerfile="/c/Dockerfile", tag="registry.caddis.internal/app:1")
    assert str(buildah.build(STORAGE, wanted, scratch="/w")) == (
        _WITH_US + " bud --isolation chroot --network host --pull=false --layers --force-rm --format oci"
        " --file /c/Dockerfile --tag registry.caddis.internal/app:1 /c"
    )


def test_every_option_of_a_build_reaches_buildah() -> None:
    wanted = Build(
        context="/c",
        dockerfile="/c/D",
        tag="t",
        target="final",
        build_args={"RELEASE": "2"},
        labels={"a": "b c"},
        use_cache=False,
    )
    argv = buildah.build(STORAGE, wanted, scratch="/w", pass_fds=(5,)).argv
    assert argv[argv.index("--target") :] == (
        *("--target", "final", "--no-cache", "--build-arg", "RELEASE=2", "--label", "a=b c"),
        "/c",
    )


def test_a_secret_reaches_buildah_as_the_path_of_a_file() -> None:
    wanted = Build(context="/c", dockerfile="/c/D", tag="t", secrets={"npm": "/w/secrets/0"})
    argv = buildah.build(STORAGE, wanted, scratch="/w").argv
    assert argv[argv.index("--secret") :] == ("--secret", "id=npm,src=/w/secrets/0", "/c")


def test_an_image_of_the_storage_is_named_with_the_storage() -> None:
    assert STORAGE.name("debian:12") == "containers-storage:[overlay@/b/root+/b/run]debian:12"


def test_leftover_containers_are_removed_in_one_go() -> None:
    assert str(buildah.remove_containers(STORAGE)) == _OWN + " rm --all"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "STEP 2/2: RUN make\ngcc: no such file\nsubprocess exited with status 2\n"
            'Error: building at STEP "RUN make": exit status 2\n',
            'STEP "RUN make": exit status 2: gcc: no such file',
        ),
        (
            'STEP 2/2: RUN true\nError: building at STEP "RUN true": exit status 1',
            'STEP "RUN true": exit status 1',
        ),
        (
            'Error: building at STEP "RUM ": Build error: Unknown instruction: "RUM" &imagebuilder.Step{Env:[]}',
            'STEP "RUM ": Unknown instruction: "RUM"',
        ),
        (
            'STEP 1/2: FROM scratch\nError: building at STEP "COPY x /": copier: stat: "/x": no such file or directory',
            'STEP "COPY x /": copier: stat: "/x": no such file or directory',
        ),
        ("Killed", "Killed"),
        ("", "buildah said nothing"),
    ],
)
def test_the_most_telling_line_of_a_failed_build_is_found(output: str, reason: str) -> None:
    assert buildah.read_reason(output) == reason
