#!/usr/bin/env bash
# Makes what compose.yaml needs and no repository holds, in the folder `secrets` beside this: passwords, the secret of tokens, the
# key of Web Push. A second run keeps what is there. Needs openssl.
set -euo pipefail
cd "$(dirname "$0")"

umask 077
mkdir -p secrets
# The services run as a user of their own in their containers, and read these files there: the folder keeps others out.
chmod 0700 secrets

random() { openssl rand -hex 24; }
# keep FILE: writes standard input to it, unless it is there.
keep() {
  local text
  text="$(cat)"
  if [ ! -e "secrets/$1" ]; then
    printf '%s\n' "$text" >"secrets/$1"
    chmod 0444 "secrets/$1"
  fi
}

openssl rand -base64 48 | keep auth-secret
if [ ! -e secrets/sqlserver.env ]; then
  # SQL Server wants three kinds of characters.
  printf 'MSSQL_SA_PASSWORD=A%s\nOWNER_PASSWORD=B%s\nAPP_PASSWORD=C%s\n' "$(random)" "$(random)" "$(random)" | keep sqlserver.env
fi
# shellcheck disable=SC1091
. secrets/sqlserver.env
# Its certificate is its own: the network of the composition is trusted.
server='Server=tcp:sqlserver,1433;Database=SmartPulse;TrustServerCertificate=true'
printf '%s;User Id=smartpulse;Password=%s' "$server" "$APP_PASSWORD" | keep store-url
printf '%s;User Id=smartpulse_owner;Password=%s' "$server" "$OWNER_PASSWORD" | keep store-owner-url
password="$(random)"
printf 'requirepass %s' "$password" | keep redis-password
printf 'redis://:%s@redis:6379' "$(cut -d' ' -f2 secrets/redis-password)" | keep shared-url
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | keep vapid-key
echo "secrets: $PWD/secrets"
