#!/usr/bin/env bash
# Resolves pyproject.toml into requirements.lock, with hashes of every file, for Python 3.11 on. uv resolves; pip installs.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache
[ -x .cache/uv/bin/uv ] || { .venv/bin/python -m venv .cache/uv && .cache/uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9; }
.cache/uv/bin/uv pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes --extra test --extra build \
  --custom-compile-command 'make lock' --output-file requirements.lock "$@" pyproject.toml
.venv/bin/python -m pip install --quiet --disable-pip-version-check --dry-run --require-hashes -r requirements.lock
echo "lock: requirements.lock has $(grep -c '==' requirements.lock) libraries"
