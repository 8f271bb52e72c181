#!/usr/bin/env bash
# Makes every report in one go, and CLAIMS.md from them: on a quiet machine, in the committed tree.
#
#   reports/make.sh                     all steps: build tests bench load sim claims
#   reports/make.sh bench claims        these steps alone; what the others left in reports/data stays
#
# Building aside it takes under an hour on two processors. Every program has a deadline. One that fails is named at the end and
# leaves no report, so that its claims say "not measured"; a threshold that is missed is a result and leaves one. Sizes can be
# set: SEEDS (500), MUTANT_SEEDS (200), SOAK_SECONDS (75, its warm-up of 10 among them; the whole soak is 600), MILLION_RATE (6000).
# Logs: target/reports/<name>.log.
set -uo pipefail
cd "$(dirname "$0")/.."

data=reports/data
logs=target/reports
export FIGURES_DIR=$data/bench CARGO_INCREMENTAL=0
seeds="${SEEDS:-500}" mutant_seeds="${MUTANT_SEEDS:-200}" soak="${SOAK_SECONDS:-75}" million_rate="${MILLION_RATE:-6000}"
failed=()
mkdir -p "$data" "$logs"

# run NAME SECONDS REPORT COMMAND...: its report of before goes first; exit codes 0 and 99 (a threshold was missed) are results.
run() {
  local name="$1" seconds="$2" report="$3" began=$SECONDS code=0
  shift 3
  [ "$report" = - ] || rm -rf "${data:?}/$report"
  printf '%-22s ' "$name"
  timeout --signal=TERM --kill-after=30 "$seconds" "$@" >"$logs/$name.log" 2>&1 || code=$?
  case "$code" in
    0) printf 'done in %ss\n' $((SECONDS - began)) ;;
    99) printf 'a threshold was missed, in %ss\n' $((SECONDS - began)) ;;
    124 | 137) printf 'TOO SLOW (%ss)\n' "$seconds"; failed+=("$name") ;;
    *) printf 'FAILED (%s): %s\n' "$code" "$(tail -n 1 "$logs/$name.log")"; failed+=("$name") ;;
  esac
}

build() {
  run build-services 3600 - cargo build --locked --release -p smartpulse -p loadgen --bins --examples
  run build-benches 3600 - cargo bench --locked -p bench --no-run
  run build-sim 3600 - cargo build --locked --profile sim -p sim --features mutants
  run build-tests 3600 - cargo test --locked --features containers/production --no-run
  run build-road 3600 - cargo test --locked -p containers --features production --release --test together --no-run
  run build-claims 3600 - cargo build --locked -p bench --bin claims
}

claims() { target/debug/claims "$@"; }

# The backends that are installed: their suites may not be left out then. What is not installed is ignored there, and its claims
# say "not measured".
installed() {
  local names=() home="${PULSAR_HOME:-}"
  if command -v redis-server >/dev/null; then names+=(redis); fi
  if [ -z "$home" ]; then
    home="$(ls -d "${SMARTPULSE_BACKENDS:-$HOME/.cache/smartpulse-backends}"/apache-pulsar-*/ 2>/dev/null | tail -n 1)"
  fi
  if [ -n "$home" ] && [ -x "$home/bin/pulsar" ]; then names+=(pulsar); fi
  (IFS=,; printf '%s' "${names[*]}")
}

tests() {
  local required
  required="$(installed)"
  # The benches of sim have a harness of their own and are no tests.
  run tests 1200 suites/tests.json env SMARTPULSE_REQUIRE="$required" target/debug/claims record tests \
    cargo test --locked --features containers/production --no-fail-fast
  # The road of production: three processes, Redis and Pulsar. It wants an idle machine, so it has it to itself.
  run road 240 suites/road.json env SMARTPULSE_REQUIRE="$required" target/debug/claims record road \
    cargo test --locked -p containers --features production --release --test together -- --nocapture propagation
}

bench() {
  local name quick
  for name in $(sed -n '/^\[\[bench\]\]/{n;s/^name = "\(.*\)"/\1/p}' bench/Cargo.toml); do
    # Figures are the bench's own; what criterion measures beside them, for its baselines, is kept short.
    quick=()
    grep -rqs configure_from_args "bench/benches/$name.rs" "bench/benches/$name" && quick=(-- --quick)
    run "bench-$name" 240 "bench/$name.json" cargo bench --locked -p bench --bench "$name" "${quick[@]}"
  done
}

# load NAME SECONDS SCENARIO ARGUMENTS...
load() {
  local name="$1" seconds="$2"
  shift 2
  run "load-$name" "$seconds" "loadgen/$name" target/release/loadgen "$@" --out "$data/loadgen/$name" --quiet
}

loads() {
  load reads 240 reads --spawn 3
  load propagation 180 propagation --spawn 3
  load notifications 180 notifications --spawn 3
  load stampede 120 stampede --spawn 3
  load outage 120 outage --spawn 3
  load soak $((soak + 120)) soak --spawn 3 --duration "$soak"
  local count
  for count in 1 2 3; do
    load "cpu-$count" 120 reads --spawn "$count" --duration 20 --warm-up 5
  done
  load million $((1020000 / million_rate + 180)) reads --spawn 3 --rate "$million_rate" --warm-up 5 \
    --duration "$((1020000 / million_rate))"
}

sim() {
  run sim-swarm 1200 sim-swarm.json cargo sim swarm --count "$seeds" --jobs 2 --report "$data/sim-swarm.json"
  run sim-mutants 2700 sim-mutants.json cargo sim mutants --count "$mutant_seeds" --shrink-runs 12 --jobs 2 \
    --report "$data/sim-mutants.json"
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(build tests bench load sim claims)
for step in "${steps[@]}"; do
  case "$step" in
    build | tests | bench | sim) "$step" ;;
    load) loads ;;
    claims) claims ;;
    *) echo "no step $step: build tests bench load sim claims" >&2; exit 2 ;;
  esac
done
printf 'all in %ss\n' "$SECONDS"
if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s (logs in %s)\n' "${failed[*]}" "$logs" >&2
  exit 1
fi
