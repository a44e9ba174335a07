"""skopeo: copies container images between registries, archives, OCI layouts and buildah's storage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from caddis.kernel.command import Command, Failed

COPY_DEADLINE = 1800.0  # seconds; several gigabytes over a slow line
LOOK_DEADLINE = 20.0  # seconds; one small request to a registry
_NETWORK_SETTINGS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),  # where a company signs its own registry's certificate
)


class Complaint(Enum):
    """What skopeo's last words mean."""

    ABSENT = "absent"
    CORRUPT = "corrupt"
    NOT_AN_IMAGE = "not an image"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    OTHER_PLATFORM = "other platform"
    NO_SPACE = "no space"
    OTHER = "other"


# Read from top to bottom: a truncated archive says "unexpected EOF" in many sentences, so the plainest come first.
_WORDS: tuple[tuple[Complaint, tuple[str, ...]], ...] = (
    (Complaint.NO_SPACE, ("no space left on device",)),
    (Complaint.OTHER_PLATFORM, ("no image found in manifest list", "no image found in image index")),
    (
        Complaint.UNAUTHORIZED,
        ("unauthorized", "authentication required", "access to the resource is denied", "invalid username/password"),
    ),
    (Complaint.ABSENT, ("manifest unknown", "name unknown", "not known to registry", "no descriptor found")),
    (
        Complaint.UNREACHABLE,
        (
            "pinging container registry",
            "dial tcp",
            "i/o timeout",
            "tls handshake",
            "x509:",
            "cannot connect to the docker daemon",
            "received unexpected http status",
            "toomanyrequests",
        ),
    ),
    (Complaint.CORRUPT, ("digest did not match", "unexpected eof", "invalid tar header", "invalid checksum")),
    (Complaint.ABSENT, ("no such image", "tag not found", "not found in docker engine")),
    (
        Complaint.NOT_AN_IMAGE,
        (
            "manifest.json: file does not exist",
            "index.json: no such file",
            "more than one image",
            "invalid character",
            "unsupported schema version",
            "unsupported mime type",
            "cannot unmarshal",
        ),
    ),
    (Complaint.CORRUPT, ("no such file or directory", "file does not exist")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a registry is reached. `plain` takes HTTP where there is no TLS; `access` is a file with a password in it."""

    plain: bool = False
    access: str = ""

    def words(self, prefix: str = "") -> tuple[str, ...]:
        """The flags; passwords stay in their file, because command lines can be read by everybody."""
        plain = (f"--{prefix}tls-verify=false",) if self.plain else ()
        return (*plain, *((f"--{prefix}authfile={self.access}",) if self.access else ()))


def copy(
    source: str, destination: str, *, scratch: str, way: Way | None = None, pass_fds: tuple[int, ...] = ()
) -> Command:
    """Copy an image; layers that are not compressed stay so. `scratch` is where its temporary files go."""
    words = (way or Way()).words("src-")
    argv = ("skopeo", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers", *words, source, destination)
    env = {"TMPDIR": scratch, **network_settings(os.environ)}
    return Command(argv=argv, deadline=COPY_DEADLINE, env=env, pass_fds=pass_fds)


def look(source: str, *, way: Way | None = None) -> Command:
    """Print the manifest behind a reference, byte for byte: its sha256 is what the registry calls its digest."""
    argv = ("skopeo", "inspect", "--raw", *(way or Way()).words(), source)
    return Command(argv=argv, deadline=LOOK_DEADLINE, env=network_settings(os.environ))


def network_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that says how to reach registries: through which proxy, trusting whom."""
    return {name: environment[name] for name in _NETWORK_SETTINGS if environment.get(name)}


def read_complaint(failed: Failed) -> Complaint:
    """What it means that skopeo failed; a deadline that passed means that the other side did not answer."""
    if failed.overdue:
        return Complaint.UNREACHABLE
    said = failed.stderr.lower()
    for complaint, words in _WORDS:
        if any(word in said for word in words):
            return complaint
    return Complaint.OTHER
