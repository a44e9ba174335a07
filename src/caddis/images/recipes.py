"""What goes into the base images that are made here, from Debian's packages. Values only; bases.py makes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_FORMAT = 2  # goes up when images of the same recipe come out otherwise
# Debian's own npm brings 400 packages and 140 MB along; the one that npm's registry hands out is a single archive.
_NPM = "https://registry.npmjs.org/npm/-/npm-10.9.4.tgz"
_NPM_SHA512 = "OnUG836FwboQIbqtefDNlyR0gTHzIfwRfE3DuiNewBvnMnWEpB0VEXwBlFVgqpNzIgYo/MHh3d2Hel/pszapAA=="
_FETCH_NPM = f"""\
chroot "$1" node - <<'END'
const crypto = require('crypto'), fs = require('fs');
fetch('{_NPM}').then(answer => answer.arrayBuffer()).then(body => {{
  const found = crypto.createHash('sha512').update(Buffer.from(body)).digest('base64');
  if (found !== '{_NPM_SHA512}') throw new Error('npm is not what it should be');
  fs.writeFileSync('/npm.tgz', Buffer.from(body));
}}).catch(problem => {{
  console.log('E: npm cannot be fetched: ' + (problem.cause || problem).message);
  process.exit(1);
}});
END
mkdir -p "$1"/usr/local/lib/node_modules
tar -xzf "$1"/npm.tgz -C "$1"/usr/local/lib/node_modules --no-same-owner
rm "$1"/npm.tgz && mv "$1"/usr/local/lib/node_modules/package "$1"/usr/local/lib/node_modules/npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1"/usr/local/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1"/usr/local/bin/npx
"""

# nginx as anybody but root, with everything that it writes in /tmp and what it says on stdout and stderr.
_NGINX_CONF = """\
pid /tmp/nginx.pid;
worker_processes auto;
error_log stderr warn;
events { worker_connections 1024; }
http {
  include mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  sendfile on;
  gzip on;
  gzip_types text/css text/plain application/javascript application/json image/svg+xml;
  server_tokens off;
  absolute_redirect off;
  server {
    listen 8080;
    listen [::]:8080;
    root /srv/www;
    index index.html;
    error_page 404 /404.html;
    location / { try_files $uri $uri.html $uri/ =404; }
    location ~ /\\. { deny all; }
  }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`tags` are the names below registry.caddis.internal/base/, the usual one first; `left_out` are paths that are
    never unpacked; `hooks` are shell lines with $1 as the root; `backports` says that packages may come from there.
    """

    tags: tuple[str, ...]
    packages: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    backports: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    cmd: tuple[str, ...] = ("/bin/bash",)
    user: str = ""

    @property
    def tag(self) -> str:
        """The usual one."""
        return self.tags[0]

    def hash(self, *surroundings: str) -> str:
        """Twelve hex digits that change with anything that shapes the image; `surroundings` are the host's part."""
        shape = [_FORMAT, SUITE, asdict(self), *surroundings]
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:12]


def find_recipe(tag: str) -> Recipe | None:
    """Of the image that has this tag."""
    return next((recipe for recipe in RECIPES.values() if tag in recipe.tags), None)


RECIPES = {
    "debian": Recipe(tags=("debian:12",), packages=("ca-certificates",)),
    "python": Recipe(
        tags=("python:3.11", "python:12"),
        packages=("python3", "python3-venv", "ca-certificates"),
        env={
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_PROGRESS_BAR": "off",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            # Many Python programs bring a list of authorities of their own; these make them take Debian's.
            "SSL_CERT_FILE": _AUTHORITIES,
            "REQUESTS_CA_BUNDLE": _AUTHORITIES,
        },
        cmd=("python3",),
    ),
    "node": Recipe(
        tags=("node:18",),
        packages=("nodejs", "ca-certificates"),
        hooks=(_FETCH_NPM,),
        env={
            "NODE_EXTRA_CA_CERTS": _AUTHORITIES,
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            "NPM_CONFIG_PREFIX": "/usr/local",
        },
        cmd=("node",),
    ),
    "go": Recipe(
        tags=("go:1.23",),
        # A Go that is 1.21 or newer fetches the release that go.mod asks for by itself; Debian 12's own is 1.19.
        packages=("golang-1.23-go", "git", "ca-certificates"),
        backports=True,
        env={"PATH": "/usr/lib/go-1.23/bin:/root/go/bin:" + PATH, "GOTOOLCHAIN": "auto", "CGO_ENABLED": "0"},
    ),
    "ruby": Recipe(
        tags=("ruby:3.1",),
        packages=("ruby", "ruby-bundler", "ca-certificates"),
        env={"BUNDLE_SILENCE_ROOT_WARNING": "1"},
        cmd=("irb",),
    ),
    "nginx": Recipe(
        tags=("nginx:1.22",),
        packages=("nginx-light", "ca-certificates"),
        hooks=(
            f"cat > \"$1\"/etc/nginx/nginx.conf <<'END'\n{_NGINX_CONF}END",
            'mkdir -p "$1"/srv/www && rm -rf "$1"/var/www',
        ),
        cmd=("nginx", "-g", "daemon off;"),
        user="www-data",
    ),
    "postgres": Recipe(
        tags=("postgres:15",),
        packages=("postgresql-15",),
        # PostgreSQL compiles queries with LLVM only where llvmjit is found: 140 MB that a small database never uses.
        left_out=(
            "/usr/lib/*/libLLVM*",
            "/usr/lib/*/libz3*",
            "/usr/lib/llvm-*",
            "/usr/lib/postgresql/15/lib/bitcode/*",
            "/usr/lib/postgresql/15/lib/llvmjit*",
        ),
        # The package makes a cluster of its own and a certificate; neither belongs into an image.
        hooks=(
            'rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15'
            ' "$1"/etc/ssl/private/ssl-cert-snakeoil.key "$1"/etc/ssl/certs/ssl-cert-snakeoil.pem',
        ),
        env={"PATH": "/usr/lib/postgresql/15/bin:" + PATH},
    ),
}
