#!/usr/bin/env bash
# The independent mail parts that the tests speak to, at pinned versions: Postfix's smtp-sink (Debian) and PyPI aiosmtpd.
# Installs what is missing; safe to run again. No mail daemon is started, now or at the next boot.
set -euo pipefail

AIOSMTPD=1.4.6
POSTFIX_SERIES=3.7
PARTS="${SMARTPULSE_PARTS:-$HOME/.cache/smartpulse-parts}"
mkdir -p "$PARTS"

# Only the program smtp-sink is wanted. The package is unpacked and not configured: so no daemon starts, no mail system is
# set up, and a machine's own Postfix, if it has one, is left alone.
if ! command -v smtp-sink >/dev/null && [ ! -x "$PARTS/postfix/usr/sbin/smtp-sink" ]; then
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  apt-get update -qq
  version="$(apt-cache madison postfix | awk '{ print $3 }' | grep -m1 "^$POSTFIX_SERIES\.")"
  echo "postfix $version"
fi
