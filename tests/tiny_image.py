"""A real image in two megabytes, made from Debian's static busybox in a few milliseconds and without any program.

    from tiny_image import make_tiny_image
    reference = make_tiny_image(tmp_path)                    # "docker-archive:/…/tiny.tar"
    reference = make_tiny_image(tmp_path, name="two", cmd=("httpd", "-f", "-p", "8080"), files={"/release": b"2"})

Inside: /bin/busybox and its applets (sh, sleep, httpd, nc, cat, id, …), root, nobody (65534) and app (1000).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

BUSYBOX = Path("/bin/busybox")  # package busybox-static
_APPLETS = """
    [ awk basename cat chmod chown cp cut date dd df dirname du echo env expr false find free grep head hostname httpd
    id ip kill ln ls md5sum mkdir mkfifo mknod mktemp mount mv nc nslookup od passwd ping printf ps pwd readlink rm
    rmdir sed seq setsid sh sha256sum sleep sort stat su sync tail tar tee test timeout top touch tr true truncate tty
    umount uname uniq usleep vi wc wget which whoami xargs yes
"""
_PLAIN_FILES = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
    b"nobody:x:65534:65534:nobody:/:/bin/false\n",
    "/etc/group": b"root:x:0:\napp:x:1000:\nnobody:x:65534:\n",
}
_FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var", "var/tmp", "www")


def make_tiny_image(
    folder: Path,
    *,
    name: str = "tiny",
    cmd: Sequence[str] = ("sleep", "infinity"),
    config: Mapping[str, object] | None = None,
    files: Mapping[str, bytes] | None = None,
    architecture: str = "amd64",
) -> str:
    """Write `folder/name.tar` and return its reference. `config` adds to the OCI config (Env, User, WorkingDir, …)."""
    layer = make_layer({**_PLAIN_FILES, **(files or {})})
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin"], "WorkingDir": "/", "Cmd": list(cmd), **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tests/tiny_image.py"}],
    }
    return write_docker_archive(folder / f"{name}.tar", document, [layer])


def write_docker_archive(path: Path, document: Mapping[str, object], layers: Sequence[bytes]) -> str:
    """A docker-archive of these layers (uncompressed tars) at `path`; its reference."""
    config = json.dumps(document).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    layer_names = [hashlib.sha256(layer).hexdigest() + ".tar" for layer in layers]
    manifest = [{"Config": config_name, "RepoTags": [f"caddis.test/{path.stem}:latest"], "Layers": layer_names}]
    with tarfile.open(path, "w") as archive:
        for member, content in zip(layer_names, layers, strict=True):
            _add_file(archive, member, content, mode=0o644)
        _add_file(archive, config_name, config, mode=0o644)
        _add_file(archive, "manifest.json", json.dumps(manifest).encode(), mode=0o644)
    return f"docker-archive:{path.absolute()}"


def make_layer(files: Mapping[str, bytes], *, busybox: bool = True) -> bytes:
    """An uncompressed layer with `files`, and unless told otherwise busybox and the usual folders."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        if busybox:
            for folder in _FOLDERS:
                _add(layer, folder, type=tarfile.DIRTYPE, mode=0o1777 if folder.endswith("tmp") else 0o755)
            _add_file(layer, "bin/busybox", BUSYBOX.read_bytes(), mode=0o755)
            for applet in _APPLETS.split():
                _add(layer, f"bin/{applet}", type=tarfile.SYMTYPE, mode=0o777, linkname="busybox")
        for path, content in files.items():
            _add_file(layer, path.lstrip("/"), content, mode=0o755 if content.startswith(b"#!") else 0o644)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, *, type: bytes, mode: int, linkname: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = type, mode, linkname
    archive.addfile(member)


def _add_file(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))
