#!/usr/bin/env bash
# Installs the parts that others wrote and our push messages are checked against, pinned, into a folder outside the tree:
# $SMARTPULSE_PARTS, or ~/.cache/smartpulse-parts. A second run finds them there. Needs node 20 with npm, and python 3.
# The tests of a part that is missing say so and pass, unless SMARTPULSE_REQUIRE names it (webpush-testing, http-ece).
set -euo pipefail

parts="${SMARTPULSE_PARTS:-$HOME/.cache/smartpulse-parts}"
web_push_testing='web-push-testing@1.2.2'
http_ece='http-ece==1.2.1'

mkdir -p "$parts"
# Two runs at once must not install over each other.
exec 9>"$parts/lock"
flock 9

# done_with NAME VERSION: whether that was installed, whole.
done_with() { [ "$(cat "$parts/$1.version" 2>/dev/null)" = "$2" ]; }

if ! done_with npm "$web_push_testing"; then
  command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq nodejs npm; }
  rm -rf "$parts/npm" && mkdir "$parts/npm"
  npm install --prefix "$parts/npm" --ignore-scripts --no-audit --no-fund --loglevel=error "$web_push_testing"
  printf '%s\n' "$web_push_testing" >"$parts/npm.version"
fi

if ! done_with python "$http_ece"; then
  python3 -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq python3 python3-venv; }
  rm -rf "$parts/python" && python3 -m venv "$parts/python"
  "$parts/python/bin/pip" install --quiet --disable-pip-version-check "$http_ece"
  printf '%s\n' "$http_ece" >"$parts/python.version"
fi

printf 'parts: %s, %s in %s\n' "$web_push_testing" "$http_ece" "$parts"
