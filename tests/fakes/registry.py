"""An image registry on 127.0.0.1, with TLS and in memory: the little of the distribution protocol that a pull needs."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import ipaddress
import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tiny_image import make_layer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class FakeRegistry:
    """Push images into it, pull them with real programs that trust `certificate`; `requests` tells what was asked."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "registry.pem"
        self.requests: list[str] = []
        self._manifests: dict[str, bytes] = {}
        self._blobs: dict[str, bytes] = {}
        key = _write_certificate(folder, self.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        """127.0.0.1:PORT, as it stands in references."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def push(self, name: str, tag: str, files: Mapping[str, bytes]) -> str:
        """Keep an image of busybox and these files; its digest."""
        layer = make_layer(files)
        packed = gzip.compress(layer, mtime=0)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
        parts = {"config": json.dumps(config).encode(), "layer": packed}
        for content in parts.values():
            self._blobs[_digest(content)] = content
        document = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _describe(parts["config"], "application/vnd.oci.image.config.v1+json"),
            "layers": [_describe(packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
        manifest = json.dumps(document).encode()
        self._manifests[f"{name}/{tag}"] = self._manifests[f"{name}/{_digest(manifest)}"] = manifest
        return _digest(manifest)

    def close(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> FakeRegistry:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _find(self, path: str) -> tuple[bytes, str] | None:
        if path == "/v2/":
            return b"{}", "application/json"
        name, _, rest = path.removeprefix("/v2/").partition("/manifests/")
        if rest and f"{name}/{rest}" in self._manifests:
            return self._manifests[f"{name}/{rest}"], _MANIFEST
        blob = self._blobs.get(path.rpartition("/blobs/")[2])
        return None if blob is None else (blob, "application/octet-stream")

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.requests.append(f"{self.command} {self.path}")
                found = registry._find(self.path)
                absent = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()
                body, kind = found or (absent, "application/json")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _describe(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _write_certificate(folder: Path, path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a registry for tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = folder / "registry.key"
    form = serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return key_path
