"""Images in memory: every reference that a test names exists; anything else does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from caddis.domain.errors import NotFound, Problem
from caddis.domain.image import ImageConfig


class FakeImages:
    """The `Images` protocol of agent/world.py."""

    def __init__(self, *references: str) -> None:
        self.known = {self._digest(reference): reference for reference in references}
        self.fetched: list[str] = []
        self.next_fetch_fails: Problem | None = None

    @staticmethod
    def _digest(reference: str) -> str:
        return "sha256:" + sha256(reference.encode()).hexdigest()

    def leftovers(self) -> list[str]:
        """An image cache is kept on purpose: nothing of it counts as left behind."""
        return []

    def ensure(self, reference: str) -> ImageConfig:
        """The image of a known reference."""
        problem, self.next_fetch_fails = self.next_fetch_fails, None
        if problem is not None:
            raise problem
        if self._digest(reference) not in self.known:
            raise NotFound(f"image {reference} does not exist")
        self.fetched.append(reference)
        return self.get_config(self._digest(reference))

    def get_config(self, digest: str) -> ImageConfig:
        """An image that runs `/bin/app`."""
        return ImageConfig(digest=digest, entrypoint=("/bin/app",), labels={"of": self.known[digest]})

    def rootfs(self, digest: str) -> str:
        """A path; nothing is there."""
        return f"/images/{digest.removeprefix('sha256:')}"

    def forget_unused(self, digests_in_use: Sequence[str]) -> None:
        """Keeps everything."""

    def keep(self, app: str, images: Sequence[Mapping[str, str]]) -> None:
        """Keeps everything anyway."""

    def build(
        self, context_tar: str, *, tag: str, options: Mapping[str, object], on_line: Callable[[str], None]
    ) -> str:
        """Pretends; the reference exists from now on."""
        on_line(f"STEP 1/1: FROM {options.get('base', 'scratch')}")
        reference = f"registry.caddis.internal/{tag}"
        self.known[self._digest(reference)] = reference
        return reference
