#!/usr/bin/env bash
# Installs Pulsar's own Python client, pinned, into a folder outside the tree: $SMARTPULSE_PARTS, or ~/.cache/smartpulse-parts.
# The suite against Pulsar reads with it what we publish, and publishes what we read. A second run finds it there. Needs
# python 3. Without it those cases are ignored, unless SMARTPULSE_REQUIRE names pulsar-client.
set -euo pipefail

parts="${SMARTPULSE_PARTS:-$HOME/.cache/smartpulse-parts}"
client='pulsar-client==3.13.0'

mkdir -p "$parts"
# Two runs at once must not install over each other.
exec 9>"$parts/lock"
flock 9

if [ "$(cat "$parts/pulsar.version" 2>/dev/null)" != "$client" ]; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq python3 python3-venv; }
  rm -rf "$parts/pulsar" && python3 -m venv "$parts/pulsar"
  "$parts/pulsar/bin/pip" install --quiet --disable-pip-version-check "$client"
  printf '%s\n' "$client" >"$parts/pulsar.version"
fi

printf 'parts: %s in %s\n' "$client" "$parts"
