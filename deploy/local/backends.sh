#!/usr/bin/env bash
# Redis and Pulsar without Docker, on Debian: for tests and for trying things out, not for production.
#
#   deploy/local/backends.sh install [redis] [pulsar]   what is missing: Debian packages, and Pulsar's distribution by Maven
#   deploy/local/backends.sh start [redis] [pulsar]     starts them, waits until they answer, prints what to export
#   deploy/local/backends.sh stop [redis] [pulsar]      ends what `start` started, by its recorded process id
#   deploy/local/backends.sh env                        prints what to export for those that run
#
# Both, where none is named. Everything lives outside the tree, in $SMARTPULSE_BACKENDS or ~/.cache/smartpulse-backends:
# Pulsar unpacked (500 MB with its archive), data and logs in `run/`. They listen on 127.0.0.1 only, save that the bookie
# inside Pulsar opens one random port on all interfaces, whatever it is told. Ports: REDIS_PORT (6379), PULSAR_PORT (6650),
# PULSAR_ADMIN_PORT (18080, since 8080 is ours). A second `start` finds them running. Data outlives `stop`; remove `run/`
# for a clean start.
set -euo pipefail

pulsar_version='4.0.8'
copy_plugin='org.apache.maven.plugins:maven-dependency-plugin:3.8.1'
artifact="org.apache.pulsar:pulsar-server-distribution:$pulsar_version:tar.gz:bin"

home="${SMARTPULSE_BACKENDS:-$HOME/.cache/smartpulse-backends}"
run="$home/run"
pulsar_home="${PULSAR_HOME:-$home/apache-pulsar-$pulsar_version}"
redis_port="${REDIS_PORT:-6379}"
pulsar_port="${PULSAR_PORT:-6650}"
admin_port="${PULSAR_ADMIN_PORT:-18080}"
admin="http://127.0.0.1:$admin_port/admin/v2"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages() {
  # Another installation may be at work.
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >/dev/null
}

install_redis() {
  if ! command -v redis-server >/dev/null; then
    packages redis-server
  fi
  say "redis: $(redis-server --version | cut -d' ' -f1-3)"
}

install_pulsar() {
  local missing=()
  command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
  command -v curl >/dev/null || missing+=(curl)
  if [ ! -x "$pulsar_home/bin/pulsar" ] && ! command -v mvn >/dev/null; then
    missing+=(maven)
  fi
  if [ ${#missing[@]} -gt 0 ]; then
    packages "${missing[@]}"
  fi
  if [ ! -x "$pulsar_home/bin/pulsar" ]; then
    [ -z "${PULSAR_HOME:-}" ] || die "PULSAR_HOME is $PULSAR_HOME, which has no bin/pulsar"
    # Whence Maven takes it is Maven's configuration.
    mvn -q -B "$copy_plugin:copy" -Dartifact="$artifact" -DoutputDirectory="$home"
    # Whole or not at all.
    local unpacked
    unpacked="$(mktemp -d "$home/unpack.XXXXXX")"
    tar -xzf "$home/pulsar-server-distribution-$pulsar_version-bin.tar.gz" -C "$unpacked"
    mv "$unpacked/apache-pulsar-$pulsar_version" "$pulsar_home"
    rmdir "$unpacked"
  fi
  say "pulsar: $pulsar_home"
}

# Whether the process that NAME.pid records is still that process: ids come again, start times do not.
runs() {
  local pid started
  [ -f "$run/$1.pid" ] || return 1
  read -r pid started <"$run/$1.pid"
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

# The 22nd field of /proc/PID/stat; the second may hold spaces, but ends with the last parenthesis.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

record() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$run/$1.pid"; }

# wait_for NAME SECONDS COMMAND...
wait_for() {
  local name="$1" left=$(($2 * 5))
  shift 2
  until "$@" >/dev/null 2>&1; do
    runs "$name" || { tail -n 20 "$run/$name.log" >&2; die "$name ended"; }
    left=$((left - 1))
    [ "$left" -gt 0 ] || { tail -n 20 "$run/$name.log" >&2; die "$name does not answer"; }
    sleep 0.2
  done
}

start_redis() {
  runs redis && return
  mkdir -p "$run/redis"
  # Its own session, so that it outlives this shell; descriptors of the lock stay here.
  setsid redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$run/redis" --appendonly yes --appendfsync everysec \
    </dev/null >>"$run/redis.log" 2>&1 9>&- &
  record redis $!
  wait_for redis 30 redis-cli -h 127.0.0.1 -p "$redis_port" ping
}

# set_key FILE KEY VALUE
set_key() {
  if grep -q "^$2=" "$1"; then
    sed -i "s|^$2=.*|$2=$3|" "$1"
  else
    printf '%s=%s\n' "$2" "$3" >>"$1"
  fi
}

pulsar_conf() {
  local conf="$run/pulsar/standalone.conf"
  cp "$pulsar_home/conf/standalone.conf" "$conf"
  set_key "$conf" bindAddress 127.0.0.1
  set_key "$conf" advertisedAddress 127.0.0.1
  set_key "$conf" brokerServicePort "$pulsar_port"
  set_key "$conf" webServicePort "$admin_port"
  # 10 by default, which every message to a caught-up subscription waits.
  set_key "$conf" managedLedgerNewEntriesCheckDelayInMillis 0
  set_key "$conf" defaultRetentionTimeInMinutes 10080
  set_key "$conf" defaultRetentionSizeInMB -1
  set_key "$conf" webSocketServiceEnabled false
  set_key "$conf" transactionCoordinatorEnabled false
  set_key "$conf" brokerDeleteInactiveTopicsEnabled false
  set_key "$conf" numIOThreads 2
  set_key "$conf" numHttpServerThreads 8
}

# It makes its tenant after it calls itself healthy.
pulsar_answers() {
  [ "$(curl -fsS --max-time 5 "$admin/brokers/health")" = ok ] && curl -fsS --max-time 5 "$admin/namespaces/public" >/dev/null
}

start_pulsar() {
  runs pulsar && return
  mkdir -p "$run/pulsar"
  pulsar_conf
  # bin/pulsar becomes the JVM: the id recorded is the broker's.
  (
    cd "$run/pulsar"
    exec env PULSAR_STANDALONE_CONF="$run/pulsar/standalone.conf" PULSAR_LOG_DIR="$run/pulsar/logs" PULSAR_LOG_APPENDER=Console \
      PULSAR_MEM='-Xms256m -Xmx768m -XX:MaxDirectMemorySize=768m' PULSAR_GC='-XX:+UseG1GC' \
      setsid "$pulsar_home/bin/pulsar" standalone -nfw -nss -a 127.0.0.1 \
      --metadata-dir "$run/pulsar/metadata" --bookkeeper-dir "$run/pulsar/bookkeeper"
  ) </dev/null >>"$run/pulsar.log" 2>&1 9>&- &
  record pulsar $!
  wait_for pulsar 180 pulsar_answers
}

stop() {
  local pid left=100
  runs "$1" || { rm -f "$run/$1.pid"; return 0; }
  read -r pid _ <"$run/$1.pid"
  kill "$pid" 2>/dev/null || true
  while runs "$1" && [ "$left" -gt 0 ]; do
    sleep 0.2
    left=$((left - 1))
  done
  if runs "$1"; then
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$run/$1.pid"
}

print_env() {
  if runs redis; then
    echo "export SMARTPULSE_TEST_REDIS_URL=redis://127.0.0.1:$redis_port"
  fi
  if runs pulsar; then
    echo "export SMARTPULSE_TEST_PULSAR_URL=pulsar://127.0.0.1:$pulsar_port"
    echo "export SMARTPULSE_TEST_PULSAR_ADMIN_URL=http://127.0.0.1:$admin_port"
  fi
}

usage() { sed -n '2,/^set -/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2; }

[ $# -gt 0 ] || usage
what="$1"
shift
[ $# -gt 0 ] || set -- redis pulsar
for name in "$@"; do
  case "$name" in redis | pulsar) ;; *) usage ;; esac
done

mkdir -p "$run"
# One at a time: two that install or start at once would be in each other's way.
exec 9>"$home/lock"
flock 9
case "$what" in
  install) for name in "$@"; do "install_$name"; done ;;
  start)
    for name in "$@"; do
      "install_$name"
      "start_$name"
    done
    print_env
    ;;
  stop) for name in "$@"; do stop "$name"; done ;;
  env) print_env ;;
  *) usage ;;
esac
