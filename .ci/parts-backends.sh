#!/usr/bin/env bash
# Installs the clients of Redis and Pulsar that others wrote, pinned, into a folder outside the tree: $SMARTPULSE_PARTS, or
# ~/.cache/smartpulse-parts. The suites of testcontainers/ read with them what we publish, and publish what we read. A second
# run finds them there. Needs python 3. Without them those cases are ignored, unless SMARTPULSE_REQUIRE names
# python-clients.
set -euo pipefail

parts="${SMARTPULSE_PARTS:-$HOME/.cache/smartpulse-parts}"
clients=('pulsar-client==3.13.0' 'redis==8.1.0')

mkdir -p "$parts"
# Two runs at once must not install over each other.
exec 9>"$parts/lock"
flock 9

if [ "$(cat "$parts/backends.version" 2>/dev/null)" != "${clients[*]}" ]; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq python3 python3-venv; }
  rm -rf "$parts/backends" && python3 -m venv "$parts/backends"
  "$parts/backends/bin/pip" install --quiet --disable-pip-version-check "${clients[@]}"
  printf '%s\n' "${clients[*]}" >"$parts/backends.version"
fi

printf 'parts: %s in %s\n' "${clients[*]}" "$parts"
