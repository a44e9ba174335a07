"""The images of one computer, shared by all its agents. The agent knows this class as `Images`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from caddis.domain.errors import NotFound
from caddis.domain.image import ImageConfig
from caddis.images import manifest
from caddis.images.build import build, read_options
from caddis.images.fetch import resolve
from caddis.images.forget import BUILT_IMAGES_STAY, DAY, Uses, forget, keep
from caddis.images.names import Name, Names
from caddis.images.place import Place
from caddis.images.source import OwnRegistry, base_name, our_name, parse_source
from caddis.images.unpack import unpack


class ImageStore:
    """Every method may be called from any thread and any process at any time.

    `folder` is DATA/images; `agent` tells the agents apart, so that none deletes what another's machines run on.
    """

    def __init__(self, folder: Path, *, agent: str = "agent", own: OwnRegistry | None = None) -> None:
        self._place = Place(folder)
        self._names = Names(self._place.names)
        self._uses = Uses(self._place.uses / agent)
        self._own = own
        self._place.sweep()

    def ensure(self, reference: str) -> ImageConfig:
        """Fetched and unpacked; NotFound, Invalid or Unreachable, plainly, when that cannot be."""
        source = parse_source(reference, self._own)
        with self._place.in_use():
            digest = resolve(self._place, self._names, source)
            self._uses.add(digest)
            unpack(self._place, digest, reference=source.reference)
            return self._read_config(digest)

    def get_config(self, digest: str) -> ImageConfig:
        """What an unpacked image asks for; NotFound when it is not here."""
        with self._place.in_use():
            self._require_unpacked(digest)
            return self._read_config(digest)

    def rootfs(self, digest: str) -> str:
        """The folder of an unpacked image, never to be written to; NotFound when it is not here."""
        with self._place.in_use():
            self._require_unpacked(digest)
            self._uses.add(digest)
            return str(self._place.unpacked(digest))

    def forget_unused(self, digests_in_use: Sequence[str], *, older_than: float = DAY) -> None:
        """Delete what no agent's machines use and nobody asked for in `older_than` seconds; built images stay longer.

        `digests_in_use` speaks for this agent only. Does nothing while anybody fetches, unpacks or builds.
        """
        now = time.time()
        self._uses.replace(digests_in_use, before=now - older_than)
        forget(self._place, self._names, before=now - older_than, built_before=now - older_than * BUILT_IMAGES_STAY)

    def keep(self, app: str, images: Sequence[Mapping[str, str]]) -> None:
        """Do not forget these (`reference`, `digest`): the app can be rolled back to them. None lets its others go."""
        keep(self._place, app, images)

    def build(
        self, context_tar: str, *, tag: str, options: Mapping[str, object], on_line: Callable[[str], None]
    ) -> str:
        """Build a Dockerfile from a context tarball; the reference under which every agent here finds the image.

        Options: dockerfile, target, build_args {}, labels {}, no_cache. Invalid, with the telling line, if it fails.
        """
        chosen = read_options(options)
        with self._place.in_use():
            build(self._place, self._names, Path(context_tar), tag=tag, options=chosen, on_line=on_line)
        return our_name(tag)

    def import_base(self, short_name: str, reference: str) -> str:
        """Make an image known to Dockerfiles as registry.caddis.internal/base/SHORT_NAME; that name. Repeatable."""
        name, source = base_name(short_name), parse_source(reference)
        with self._place.in_use():
            known = self._names.find(name)
            digest = resolve(self._place, self._names, source)
            if known is None or known.digest != digest:
                self._names.put(Name(name, digest))
        return name

    def _require_unpacked(self, digest: str) -> None:
        if not self._place.unpacked(digest).is_dir():
            raise NotFound(f"image {digest} is not on this host", hint="deploy the app again, and it will be fetched")

    def _read_config(self, digest: str) -> ImageConfig:
        parts = manifest.read_manifest(self._place.blob(digest).read_bytes())
        return manifest.read_config(self._place.blob(parts.config).read_bytes(), digest=digest)
