"""Opening the store that the operator chose, with the key that it was begun with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from caddis.backups.folder import FolderObjects
from caddis.backups.image import CHUNK_BYTES
from caddis.backups.keys import StoreKey, open_store_key
from caddis.backups.manifest import CHUNKS, SNAPSHOTS
from caddis.backups.objects import Objects, StoreFailed
from caddis.backups.store import KeptStore
from caddis.domain.errors import Damaged, Invalid

MARKER = "caddis-store"
FORMAT = 1
DEFAULT_REGION = "us-east-1"  # what servers of one's own answer to


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChoice:
    """`file:///folder`, or `s3://bucket/prefix` with keys, and an endpoint (http…) unless it is Amazon's own."""

    url: str
    endpoint: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    region: str = DEFAULT_REGION


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Says what the store is, in plain JSON. The key's check value tells other keys from the right one."""

    format: int
    chunk_bytes: int
    key_check: str


def open_object_store(choice: StoreChoice, *, may_create: bool = False) -> Objects:
    """The objects behind the URL; Invalid when it is not one of ours. A missing folder is made only if `may_create`."""
    parts = urlsplit(choice.url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid("the store's URL has more than a place in it: give keys by their own settings", field="url")
    if parts.scheme == "file":
        return _open_folder(parts.netloc, parts.path, may_create=may_create)
    if parts.scheme == "s3" and parts.netloc:
        return _open_bucket(choice, parts.netloc, parts.path.strip("/"))
    raise Invalid(
        f"{choice.url!r} is not a store: use file:///a/folder or s3://bucket/prefix",
        field="url",
    )


def open_kept_store(choice: StoreChoice, *, key: Path, host: str, may_create: bool = False) -> KeptStore:
    """The store with its key. A new store is begun, and a key made, only if `may_create` and the store is empty.

    Damaged when the key is missing though the store holds snapshots, is another one than the store was begun with, or
    when the store's marker is missing or of another format. StoreFailed or Unreachable when the store cannot be used.
    """
    objects = open_object_store(choice, may_create=may_create)
    marker = objects.find(MARKER)
    if marker is None:
        marker, keys = _begin(objects, key, may_create=may_create)
    else:
        keys = open_store_key(key, may_create=False)
    _check(objects, marker, keys, key)
    return KeptStore(objects, keys, host)


def _begin(objects: Objects, key: Path, *, may_create: bool) -> tuple[bytes, StoreKey]:
    if any(True for folder in (SNAPSHOTS, CHUNKS) for _ in objects.list_objects(folder)):
        raise Damaged(
            f"the store {objects.where} holds snapshots, but its marker {MARKER} is missing",
            hint=f"put the object {MARKER} back from a copy of the store",
        )
    if not may_create:
        raise StoreFailed(
            f"the store {objects.where} holds nothing of Caddis, not even its marker",
            hint="is its disk mounted, and is it the right bucket and prefix?",
        )
    keys = open_store_key(key, may_create=True)
    ours = msgspec.json.encode(_Marker(format=FORMAT, chunk_bytes=CHUNK_BYTES, key_check=keys.check_value))
    if objects.put_new(MARKER, ours):
        return ours, keys
    theirs = objects.find(MARKER)  # another host was faster, or our own put was repeated
    if theirs is None:
        raise StoreFailed(f"the store {objects.where} does not give back its marker {MARKER}")
    return theirs, keys


def _check(objects: Objects, content: bytes, keys: StoreKey, key: Path) -> None:
    try:
        marker = msgspec.json.decode(content, type=_Marker)
    except msgspec.DecodeError:
        raise Damaged(f"the marker {MARKER} of the store {objects.where} cannot be read") from None
    if marker.format != FORMAT:
        raise Damaged(f"the store {objects.where} has format {marker.format}, this program reads {FORMAT}")
    if marker.key_check != keys.check_value:
        raise Damaged(
            f"the store {objects.where} was begun with another store key than {key}",
            hint="put back the store.key of the installation that began it, or choose another folder or prefix",
        )


def _open_folder(netloc: str, path: str, *, may_create: bool) -> FolderObjects:
    if netloc or not path.startswith("/") or path == "/":
        raise Invalid("a store in a folder is written with three slashes: file:///a/folder", field="url")
    root = Path(path)
    if may_create and not root.exists():
        try:
            root.mkdir(mode=0o700)
        except OSError as refused:
            raise StoreFailed(f"the folder {root} cannot be made: {refused.strerror}") from refused
    return FolderObjects(root)


def _check_words(choice: StoreChoice, bucket: str, prefix: str) -> None:
    """Invalid unless every word can stand in a request: the library under us aborts over one that cannot."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", bucket):
        raise Invalid(f"{bucket!r} cannot be the name of a bucket", field="url")
    parts = prefix.split("/") if prefix else []
    if not all(re.fullmatch(r"[A-Za-z0-9!_.*'()-]+", part) and part.strip(".") for part in parts):
        raise Invalid(f"{prefix!r} cannot be a prefix in a bucket: use letters, digits, - and /", field="url")
    if not re.fullmatch(r"[A-Za-z0-9-]+", choice.region):
        raise Invalid(f"{choice.region!r} is not a region of S3", field="region")
    for what, word in (("access key", choice.access_key), ("secret key", choice.secret_key)):
        if word and not re.fullmatch(r"[!-~]+", word):
            raise Invalid(f"the {what} has a space, a line's end or another letter that no key has")


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    place = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    wanted = f"{place}:{port}" if port is not None else place
    plain = parts.scheme in ("http", "https") and re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc)
    if not plain or parts.netloc.lower() != wanted or not re.fullmatch(r"[\w./~-]*", parts.path):
        raise Invalid("the endpoint is no URL: use https://host:port", field="endpoint")


def _open_bucket(choice: StoreChoice, bucket: str, prefix: str) -> Objects:
    if not choice.access_key or not choice.secret_key:
        raise Invalid(f"the store {choice.url} needs an access key and a secret key", field="access_key")
    _check_words(choice, bucket, prefix)
    if choice.endpoint is not None:
        _check_endpoint(choice.endpoint)
    from caddis.backups.s3 import S3Objects  # 4 MB that an agent with a folder need not hold

    return S3Objects(
        bucket,
        prefix,
        endpoint=choice.endpoint,
        access_key=choice.access_key,
        secret_key=choice.secret_key,
        region=choice.region,
    )
