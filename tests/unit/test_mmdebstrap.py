"""mmdebstrap's command line."""

from __future__ import annotations

import pytest

from caddis.kernel import mmdebstrap


def test_a_base_is_small_and_comes_from_the_given_sources() -> None:
    argv = mmdebstrap.bootstrap(
        "/t.tar",
        suite="bookworm",
        packages=("python3",),
        left_out=("/usr/lib/*/libLLVM*",),
        hooks=('rm -rf "$1"/var/log/*',),
        sources=("/s.sources",),
    ).argv
    own = argv[: argv.index("mmdebstrap")]
    assert own[:3] == ("setpriv", "--pdeathsig", "KILL") and "--kill-child" in own, "nothing of it outlives us"
    assert argv[len(own) :][:3] == ("mmdebstrap", "--variant=minbase", "--format=tar")
    assert "--include=usr-is-merged,python3" in argv
    assert "--dpkgopt=path-exclude=/usr/lib/*/libLLVM*" in argv
    assert "--dpkgopt=path-include=/usr/share/doc/*/copyright" in argv
    assert argv[-4:] == ('--customize-hook=rm -rf "$1"/var/log/*', "bookworm", "/t.tar", "/s.sources")


def test_its_progress_is_told_and_its_chatter_is_not() -> None:
    said = [
        "I: downloading packages with apt...",
        "Get:1 http://m x",
        "\rdone 12%\rI: extracting archives...",
        "I: done",
    ]
    assert [mmdebstrap.read_progress(line) for line in said] == [
        "downloading packages",
        "",
        "extracting the essential ones",
        "",
    ]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "I: running apt-get update...\nErr:1 http://m bookworm InRelease\n  Could not resolve 'm'\n"
            "E: Failed to fetch http://m\nE: apt-get failed",
            "Err:1 http://m bookworm InRelease",
        ),
        ("E: Unable to locate package nonesuch\nE: run_chroot failed", "Unable to locate package nonesuch"),
        ("Killed", "Killed"),
        ("", "mmdebstrap said nothing"),
    ],
)
def test_the_most_telling_line_of_a_failure_is_found(output: str, reason: str) -> None:
    assert mmdebstrap.read_reason(output) == reason
