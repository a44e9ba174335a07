"""Command lines of what volumes stand on."""

from __future__ import annotations

import errno
from pathlib import Path

from caddis.kernel import luks, xfs


def test_a_luks_header_has_exactly_the_room_that_its_file_is_given() -> None:
    argv = luks.format_luks("/dev/loop1", Path("/h"), uuid="u", key=b"k").argv
    sizes = {word: int(argv[at + 1].removesuffix("k")) for at, word in enumerate(argv) if word.startswith("--luks2-")}
    copies = 2 * sizes["--luks2-metadata-size"]
    assert copies + sizes["--luks2-keyslots-size"] == luks.HEADER_BYTES >> 10
    assert "k" not in argv and argv[-1] == "/dev/loop1"


def test_an_xfs_has_blocks_of_4_kib_unless_told_otherwise() -> None:
    assert "size=4096" in xfs.make_xfs("/dev/loop1", uuid="u", label="l").argv
    assert "size=65536" in xfs.make_xfs("/dev/loop1", uuid="u", label="l", block_size=65536).argv


def test_only_a_kernel_without_large_blocks_says_so() -> None:
    assert xfs.says_blocks_too_large(OSError(errno.ENOSYS, "Function not implemented"))
    assert not xfs.says_blocks_too_large(OSError(errno.EINVAL, "Invalid argument"))
