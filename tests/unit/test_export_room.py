"""An export without room is refused with what helps: a tar takes less than an image, but is no news to a tar."""

from __future__ import annotations

from caddis.agent.orders.files import no_room_to_export


def test_a_tar_is_only_advised_to_who_asked_for_an_image() -> None:
    image, tar = (no_room_to_export("vol_a", 1 << 20, 3 << 20, as_image=wish) for wish in (True, False))
    assert image.message == tar.message
    assert "has 1.0 MiB left" in tar.message and "may take 3.0 MiB" in tar.message
    assert "as a tar" in str(image.hint) and "tar" not in str(tar.hint)
