#!/usr/bin/env bash
# Makes a fresh Debian 12 able to run Caddis: Debian packages, then .venv from the lock. Safe to interrupt and to repeat:
# the stamp is written last, and says what it was made from; a second run only looks.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'setup: %s\n' "$*"; }

packages=packaging/debian-packages.txt
stamp=.venv/made-from
python=/usr/bin/python3
[ -x "$python" ] || python=python3

missing_packages() {
  # One line a package that dpkg does not call installed. Exit status 1 of dpkg-query only says that some are unknown.
  local wanted
  wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$packages")
  # shellcheck disable=SC2086
  comm -23 <(sort -u <<<"$wanted") \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian: install the counterparts of $packages yourself"
    return 0
  fi
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    say "missing Debian packages; I am not root, so run:  sudo apt-get install -y --no-install-recommends $missing"
    return 0
  fi
  say "installing Debian packages: $missing"
  # Debian would start a registry that everybody may write to: ours runs when `caddis up --registry` says so.
  if [[ " $missing " == *" docker-registry "* ]]; then systemctl mask docker-registry.service >/dev/null 2>&1 || true; fi
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  apt_install $missing || { say "asking Debian for its package lists first (apt-get update)"; apt-get -qq update && apt_install $missing; } ||
    say "apt could not install them (see above); going on: make test and caddis doctor tell what stays out of reach"
}

apt_install() { apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" </dev/null >.cache/apt.log 2>&1 || { tail -3 .cache/apt.log; return 1; }; }

fingerprint() { { pwd; cat pyproject.toml requirements.lock; "$python" --version; } 2>&1 | sha256sum | cut -c1-64; }

make_venv() {
  local now
  now=$(fingerprint)
  if [ -x .venv/bin/caddis ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return 0; fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { say "Python 3.11 or newer is needed; $python is $("$python" --version 2>&1)"; return 1; }
  # A folder that was interrupted, or moved here from elsewhere, is made anew: its programs name their interpreter by path.
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || ! head -1 .venv/bin/pip | grep -qF "$PWD/.venv/"; then
    say "making .venv with $("$python" --version 2>&1)"
    rm -rf .venv
    "$python" -m venv .venv || { say "python3 -m venv failed: apt-get install -y python3-venv"; rm -rf .venv; return 1; }
  fi
  rm -f "$stamp"
  local pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check --no-input)
  say "installing $(grep -c '==' requirements.lock) locked libraries into .venv"
  PIP_ROOT_USER_ACTION=ignore "${pip[@]}" install --require-hashes -r requirements.lock
  # The build backend came from the lock too, so nothing is fetched here.
  PIP_ROOT_USER_ACTION=ignore "${pip[@]}" install --no-index --no-deps --no-build-isolation --editable .
  printf '%s\n' "$now" >"$stamp.new" && mv "$stamp.new" "$stamp"
  say "ready: .venv/bin/fly, .venv/bin/flyctl, .venv/bin/caddis"
}

mkdir -p .cache
exec 9>.cache/setup.lock
flock 9 2>/dev/null || true # two makes at once: the second waits, then finds everything done
install_packages
make_venv
