"""From an image in the store to a folder: whole and under its final name, or not there at all."""

from __future__ import annotations

import os

from caddis.domain.errors import Invalid, NoCapacity
from caddis.images.fetch import TAG, prepare_layout
from caddis.images.place import Place
from caddis.kernel import umoci
from caddis.kernel.command import Failed, run
from caddis.kernel.durable import sync_folder
from caddis.telemetry.seam import seam


def unpack(place: Place, digest: str, *, reference: str) -> None:
    """Ensure the image is unpacked. The rename at the end is what makes it visible; all before it is on disk by then.

    Invalid when its layers cannot be read. umoci resolves every path inside the folder, so that no link of an image
    leads a later layer out of it.
    """
    target = place.unpacked(digest)
    if target.is_dir():
        return
    with place.one_at_a_time(f"unpack-{target.name}"):
        if target.is_dir():
            return
        with place.working() as work:
            prepare_layout(place, work.folder, digest=digest)
            fresh = work.folder / "rootfs"
            try:
                run(umoci.unpack(str(work.folder), TAG, str(fresh), pass_fds=(work.lock,)))
            except Failed as failed:
                if umoci.is_out_of_space(failed):
                    raise NoCapacity(f"no space left on this host to unpack image {reference}") from failed
                raise Invalid(
                    f"image {reference} cannot be unpacked: {umoci.read_reason(failed)}", field="config.image"
                ) from failed
            seam("images.unpack:unpacked")
            place.sync()
            os.rename(fresh, target)
            seam("images.unpack:renamed")
            sync_folder(target.parent)
