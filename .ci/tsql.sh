#!/usr/bin/env bash
# Every file of T-SQL, and every statement that is made at run time, through a parser of T-SQL: there is no SQL Server here.
# What its grammar lacks is listed below, and nothing else may fail.
set -euo pipefail
cd "$(dirname "$0")/.."

SQLFLUFF='sqlfluff==4.5.0'
cache="${SMARTPULSE_CACHE:-$HOME/.cache/smartpulse}/tsql-4.5.0"
folder='system/adapters/src/sqlserver'

if [ ! -x "$cache/bin/sqlfluff" ]; then
  python3 -m venv "$cache"
  "$cache/bin/pip" install --quiet --disable-pip-version-check "$SQLFLUFF"
fi

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
if [ "${1:-}" != '--files-only' ]; then
  SMARTPULSE_TSQL_OUT="$made" cargo test --locked --quiet -p adapters --features sqlserver --lib \
    sqlserver::tests::generated::what_is_made_is_kept_for_a_parser
fi
files=$(find "$folder/sql" "$folder/schema" "$made" -name '*.sql' | wc -l)

# The grammar knows no Change Tracking in ALTER DATABASE and ALTER TABLE: these two places, marked in the files.
"$cache/bin/sqlfluff" lint --dialect tsql --rules LT12 --nofail "$folder/sql" "$folder/schema" "$made" >"$made/report" || true
unparsed=$(grep -c 'PRS' "$made/report" || true)
if [ "$unparsed" -ne 0 ]; then
  grep -E '^== |PRS' "$made/report" | grep -B1 PRS
  echo "T-SQL: $unparsed places do not parse" >&2
  exit 1
fi
echo "T-SQL: $files files parse"
python3 .ci/tsql_columns.py
