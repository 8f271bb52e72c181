#!/usr/bin/env bash
# The independent mail parts that tests and benches speak to, pinned: Postfix's smtp-sink (Debian) and PyPI aiosmtpd.
# Installs what is missing, as root where it must; safe to run again. No mail daemon is started, now or at a boot.
set -euo pipefail

POSTFIX='3.*' # Debian's; smtp-sink has not changed within this series
AIOSMTPD='1.4.6'
PARTS="${SMARTPULSE_PARTS:-$HOME/.cache/smartpulse-parts}"

if ! command -v smtp-sink >/dev/null && [ ! -x /usr/sbin/smtp-sink ]; then
  # Packages start their daemons as they are installed, unless this says no (Debian policy, 9.3.3).
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "postfix=$POSTFIX" >/dev/null
  if command -v systemctl >/dev/null; then
    systemctl disable --quiet postfix 2>/dev/null || true
  fi
fi

venv="$PARTS/mail-python"
if ! "$venv/bin/python" -c "import aiosmtpd; assert aiosmtpd.__version__ == '$AIOSMTPD'" 2>/dev/null; then
  rm -rf "$venv"
  mkdir -p "$PARTS"
  if ! python3 -m venv "$venv" 2>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
    python3 -m venv "$venv"
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check "aiosmtpd==$AIOSMTPD" 'atpublic==5.1' 'attrs==25.3.0'
fi

echo "smtp-sink: $(command -v smtp-sink || echo /usr/sbin/smtp-sink) ($(dpkg-query -W -f '${Version}' postfix))"
echo "aiosmtpd: $("$venv/bin/python" -c 'import aiosmtpd; print(aiosmtpd.__version__)') in $venv"
