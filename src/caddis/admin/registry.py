"""The registry of `caddis up --registry`: Debian's docker-registry, with the installation's tokens as its passwords.

DATA/registry/config.yml   what it is told (JSON, which is YAML too)
DATA/registry/token.key    signs the tokens that the API hands out for it (0600)
DATA/registry/token.pem    what the registry knows the signature by
DATA/registry/images/      what was pushed
DATA/hosts/<host>/registry.json   the agent's own access, as skopeo reads it (0600)
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from caddis.admin.installation import Installation, write_private
from caddis.admin.supervisor import Program
from caddis.domain.errors import Missing
from caddis.kernel.command import Command, find_program
from caddis.wire.registry import SERVICE

PROGRAM, PACKAGE = "docker-registry", "docker-registry"
_YEARS = timedelta(days=3650)


def ensure_registry(installation: Installation, address: str, *, url: str, hosts: Iterable[str]) -> None:
    """Everything that the registry, the API and the agents need to work together. `url` is the API's."""
    folder = installation.data / "registry"
    (folder / "images").mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "token.pem").exists():
        key, certificate = _make_pair(datetime.now(UTC))
        write_private(folder / "token.key", key)
        write_private(folder / "token.pem", certificate)
    token = {"realm": f"{url}/registry/token", "service": SERVICE, "issuer": SERVICE}
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": True}},
        "http": {"addr": address, "secret": secrets.token_hex(16)},
        "auth": {"token": {**token, "rootcertbundle": str(folder / "token.pem")}},
    }
    write_private(folder / "config.yml", json.dumps(config, indent=2) + "\n")
    for host in hosts:
        own = (installation.data / "hosts" / host / "token").read_text().strip()
        entry = {"auth": base64.b64encode(f"{host}:{own}".encode()).decode()}
        write_private(
            installation.data / "hosts" / host / "registry.json", json.dumps({"auths": {address: entry}}) + "\n"
        )


def registry_program(installation: Installation) -> Program:
    """The registry; Missing, with the line that brings it, where its program is not."""
    path = find_program(PROGRAM)
    if path is None:
        raise Missing(
            f"--registry needs the program {PROGRAM}, which is not here",
            hint=f"apt-get install -y --no-install-recommends {PACKAGE}, and: systemctl disable --now {PACKAGE}",
        )
    config = str(installation.data / "registry" / "config.yml")
    env = {"OTEL_TRACES_EXPORTER": "none", "HOME": str(installation.data / "registry")}
    command = Command(argv=(path, "serve", config), env=env)
    return Program(name="the registry", command=command, log=installation.data / "logs" / "registry.log")


def _make_pair(now: datetime) -> tuple[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "caddis registry tokens")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(16), "big") >> 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
