"""`fly volumes export <volume id>`: all files of a volume, as they are at one instant, in one file here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from caddis.cli.call import Call
from caddis.cli.flags import APP_FLAGS, switch, text
from caddis.cli.saving import Progress, check_free, saved
from caddis.cli.verb import exactly, verb
from caddis.client.files import export_volume
from caddis.client.volumes import get_volume
from caddis.domain.errors import Conflict, Invalid
from caddis.kernel.zstd import decompress

FLAGS = (
    *APP_FLAGS,
    text("output", "o", help="Where to: NAME.tar.zst, NAME.tar, NAME.ext4.zst or NAME.ext4; - for standard output"),
    switch("tar", help="A tar of the files instead of an ext4 image; implied by a name with .tar"),
    switch("force", "f", help="Replace a file of that name"),
)
_TARS, _IMAGES = (".tar", ".tar.zst"), (".ext4", ".ext4.zst", ".img", ".img.zst", ".raw", ".raw.zst")
LONG = """All files of a volume as they are at one instant, in one file. The machine runs on.

A tar keeps owners, modes, times, links, sparse files and extended attributes; an image is an ext4 file system that any
Linux mounts, without our keys: what leaves here is not encrypted. A raw volume leaves as its bytes.
A name that ends with .zst is compressed, and carries a checksum. The file has its name only once it is whole."""


def run(call: Call) -> None:
    """Write under another name, check the stream's own end and checksum, and only then rename."""
    app, id = call.app(), call.arguments[0]
    name = call.text("output") or _default_name(call, app, id)
    format, packed = _choose_format(name, tar=call.switch("tar"))
    if name == "-" and sys.stdout.isatty():
        raise Conflict("an export is nothing to look at", hint="use -o FILE, or a pipe")
    if name != "-":
        check_free(Path(name), force=call.switch("force"))
    progress = Progress(call, "Exporting")
    with export_volume(call.client, app, id, format) as download:
        parts = progress.over(download.parts)
        if name == "-":
            _write(parts, sys.stdout.buffer, packed=packed)
            sys.stdout.buffer.flush()
            return
        with saved(Path(name), force=call.switch("force"), mode=0o600) as file:
            _write(parts, file, packed=packed)
    call.say(f"Volume {id} is in {name} ({'tar' if format == 'tar' else 'image'})")


def _default_name(call: Call, app: str, id: str) -> str:
    volume = call.send(get_volume(app, id))
    return f"{volume['name']}-{id}" + (".tar.zst" if call.switch("tar") else ".ext4.zst")


def _choose_format(name: str, *, tar: bool) -> tuple[str, bool]:
    """tar or image, and whether it is kept compressed. To standard output, a tar is plain and an image is not."""
    if name == "-":
        return ("tar", False) if tar else ("image", True)
    lower = name.lower()
    if lower.endswith(_TARS):
        return "tar", lower.endswith(".zst")
    if tar and lower.endswith(_IMAGES):
        raise Invalid(f"--tar and the name {name} contradict each other", hint="name it NAME.tar.zst", field="output")
    if not tar and not lower.endswith((*_IMAGES, ".zst")):
        raise Invalid(
            f"the name {name} does not say what is wanted", hint="name it NAME.ext4.zst or NAME.tar.zst", field="output"
        )
    return "tar" if tar else "image", lower.endswith(".zst")


def _write(parts: Iterator[bytes], file: IO[bytes], *, packed: bool) -> None:
    """Decompressed in any case: that is how an end that is missing, and an altered byte, are seen."""

    def read() -> bytes:
        part = next(parts, b"")
        if packed:
            file.write(part)
        return part

    at = 0
    for plain in decompress(read):
        if packed:
            continue
        at += len(plain)
        if file.seekable() and plain.count(0) == len(plain):
            file.seek(at)  # a hole
        else:
            file.write(plain)
    if not packed and file.seekable():
        file.flush()
        os.ftruncate(file.fileno(), at)


COMMAND = verb(
    run,
    usage="export <volume id>",
    examples=(
        "fly volumes export vol_4ze86k1w0n2rq5py -o data.tar",
        "fly volumes export vol_4ze86k1w0n2rq5py -o -  # to a pipe",
    ),
    long=LONG,
    flags=FLAGS,
    count=exactly(1),
)
