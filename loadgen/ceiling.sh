#!/usr/bin/env bash
# The generator's own ceiling on one processor, beside wrk's (apt-get install wrk), against the same canned replies: the server
# is pinned to processor 0, the generators to processor 1, in alternating rounds. Prints replies per second of each round.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-5}" seconds="${2:-5}" address=127.0.0.1:9871
id=0b5d0000-0000-4000-8000-000000000001
cargo build --release -q -p loadgen --example canned --bin loadgen
taskset -c 0 target/release/examples/canned "$address" >/dev/null &
server=$!
trap 'kill "$server"' EXIT
sleep 0.5
for round in $(seq "$rounds"); do
  wrk=$(taskset -c 1 wrk -t1 -c64 -d"${seconds}s" "http://$address/api/forecasts/$id" | awk '/Requests\/sec/ { print $2 }')
  own=$(taskset -c 1 target/release/loadgen ceiling --target "http://$address" --id "$id" --seconds "$seconds")
  printf 'round %s: wrk %s, loadgen %s\n' "$round" "$wrk" "$own"
done
printf 'at 10,000 per second: '
taskset -c 1 target/release/loadgen ceiling --target "http://$address" --id "$id" --seconds "$seconds" --rate 10000
