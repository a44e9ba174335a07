"""What every `Volumes` must do when files are read out of a snapshot, exported or imported."""

from __future__ import annotations

import pytest

from caddis.domain.errors import Conflict, Invalid, NotFound, WrongVolume
from caddis.domain.files import ExportFormat
from caddis.domain.snapshot import origin_of
from contracts.volumes_contract import Host, create

SNAPSHOT, VIEW = "vs_0123456789abcdef", "view-0123456789abcdef"


class MovingContract:
    """Mix into a test class."""

    @pytest.mark.parametrize("encrypted", [False, True])
    def test_a_view_of_a_snapshot_shows_what_was_there_and_goes_without_a_trace(
        self, host: Host, encrypted: bool
    ) -> None:
        volume = create(host.store, encrypted=encrypted)
        path = host.store.mount(volume)
        host.put_file(path, "before", b"1" * 5000)
        host.store.take_snapshot(origin_of(volume), SNAPSHOT)
        host.put_file(path, "after", b"2")
        before = host.leftovers()
        root = host.store.open_view(VIEW, origin_of(volume), SNAPSHOT)
        listing = host.store.list_folder(root, b"/")
        assert (listing.folder, [entry.name for entry in listing.entries]) == (True, [b"before"])
        one = host.store.list_folder(root, b"/before")
        assert (one.folder, one.entries[0].name, one.entries[0].size) == (False, b"before", 5000)
        info, parts = host.store.read_file(root, b"before")
        assert (info.type, b"".join(parts)) == ("file", b"1" * 5000)
        with pytest.raises(NotFound, match="after"):
            host.store.read_file(root, b"after")
        with pytest.raises(Conflict, match="directory"):
            host.store.read_file(root, b"/")
        host.store.close_view(VIEW)
        host.store.close_view(VIEW)
        assert host.leftovers() == before
        host.store.erase_snapshot(SNAPSHOT)

    def test_a_view_of_a_volume_in_use_is_one_instant(self, host: Host) -> None:
        volume = create(host.store, encrypted=True)
        path = host.store.mount(volume)
        host.put_file(path, "before", b"1")
        root = host.store.open_view(VIEW, origin_of(volume), None)
        host.put_file(path, "after", b"2")
        assert host.list_files(root) == ["before"]
        host.store.close_view(VIEW)
        assert host.list_files(path) == ["after", "before"]

    def test_a_view_of_what_carries_another_identity_is_refused(self, host: Host) -> None:
        one, other = create(host.store), create(host.store)
        host.swap_images(one.id, other.id)
        before = host.leftovers()
        with pytest.raises(WrongVolume):
            host.store.open_view(VIEW, origin_of(one), None)
        assert host.leftovers() == before

    @pytest.mark.parametrize("bad", ["view", "view-../../etc/passwd", "view-UPPERUPPERUPPER00"])
    def test_what_does_not_name_a_view_never_becomes_a_path(self, host: Host, bad: str) -> None:
        with pytest.raises(Invalid):
            host.store.open_view(bad, origin_of(create(host.store)), None)

    @pytest.mark.parametrize("encrypted", [False, True])
    @pytest.mark.parametrize("format", list(ExportFormat))
    def test_what_was_exported_is_imported_into_another_volume(
        self, host: Host, encrypted: bool, format: ExportFormat
    ) -> None:
        volume, again = create(host.store, encrypted=encrypted), create(host.store, encrypted=encrypted)
        host.put_file(host.store.mount(volume), "guest", b"hello" * 10_000)
        before = host.leftovers()
        root = host.store.open_view(VIEW, origin_of(volume), None)
        sent = list(host.store.export(VIEW, origin_of(volume), root, format))
        host.store.close_view(VIEW)
        parts = iter(sent)
        assert host.store.fill(again, lambda: next(parts, b""), lambda _bytes: None) == []
        assert host.leftovers() == before
        root = host.store.mount(again)
        assert host.list_files(root) == ["guest"]
        assert b"".join(host.store.read_file(root, b"guest")[1]) == b"hello" * 10_000

    @pytest.mark.parametrize("bad", ["nothing", "noise", "cut", "altered", "plain tar, cut"])
    def test_what_is_not_whole_is_not_imported(self, host: Host, bad: str) -> None:
        volume, again = create(host.store), create(host.store)
        host.put_file(host.store.mount(volume), "guest", bytes(range(256)) * 1000)
        root = host.store.open_view(VIEW, origin_of(volume), None)
        sent = b"".join(host.store.export(VIEW, origin_of(volume), root, ExportFormat.TAR))
        plain = b"".join(host.store.pack_folder(root, b"/"))
        host.store.close_view(VIEW)
        middle = len(sent) // 2
        content = {
            "nothing": b"",
            "noise": b"noise" * 10_000,
            "cut": sent[:middle],
            "altered": sent[:middle] + bytes([sent[middle] ^ 1]) + sent[middle + 1 :],
            "plain tar, cut": plain[: len(plain) - 12_000],
        }[bad]
        parts = iter([content])
        with pytest.raises(Invalid):
            host.store.fill(again, lambda: next(parts, b""), lambda _bytes: None)
        host.store.erase(again.id)
