"""cp's command line."""

from __future__ import annotations

from caddis.kernel import cp


def test_a_copy_keeps_everything_and_shares_blocks_where_it_can() -> None:
    assert str(cp.copy_tree("/a", "/b")) == "cp --archive --reflink=auto --no-target-directory /a /b"
