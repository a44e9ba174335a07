"""mmdebstrap's command line."""

from __future__ import annotations

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
    assert argv[:3] == ("mmdebstrap", "--variant=minbase", "--format=tar")
    assert "--include=usr-is-merged,python3" in argv
    assert "--dpkgopt=path-exclude=/usr/lib/*/libLLVM*" in argv
    assert "--dpkgopt=path-include=/usr/share/doc/*/copyright" in argv
    assert argv[-4:] == ('--customize-hook=rm -rf "$1"/var/log/*', "bookworm", "/t.tar", "/s.sources")
