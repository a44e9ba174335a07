"""umoci's command line, and its last words."""

from __future__ import annotations

from caddis.kernel import umoci
from caddis.kernel.command import Failed, command


def test_unpacking_leaves_out_the_list_of_checksums() -> None:
    assert str(umoci.unpack("/w", "image", "/w/rootfs")) == ("umoci --log error raw unpack --image /w:image /w/rootfs")


def test_its_last_words_are_read_without_decoration() -> None:
    failed = Failed(command("umoci"), 1, "   • unpacking rootfs ...     \n   ⨯ create rootfs: gzip: invalid header\n")
    assert umoci.read_reason(failed) == "create rootfs: gzip: invalid header"


def test_silence_is_read_as_its_exit_status() -> None:
    assert umoci.read_reason(Failed(command("umoci"), 2, "\n")) == "exit 2"


def test_a_full_disk_is_told_from_a_broken_image() -> None:
    assert umoci.is_out_of_space(Failed(command("umoci"), 1, "write /x: no space left on device"))
    assert not umoci.is_out_of_space(Failed(command("umoci"), 1, "gzip: invalid header"))
