#!/usr/bin/env bash
# Starts three nodes and HAProxy before them. Ctrl+C ends them all: the proxy first, then the nodes, when they have drained.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${BERTH_WORK:-$PWD/scale-out}
export BERTH_PROXY=${BERTH_PROXY:-127.0.0.1:5000}
nodes=()
proxy=
stop() {
  trap - EXIT INT TERM
  [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
  [ ${#nodes[@]} -eq 0 ] || kill "${nodes[@]}" 2>/dev/null || true
  wait
}
trap stop EXIT
trap 'exit 0' INT TERM

for n in 1 2 3; do
  declare -x "BERTH_NODE_$n=127.0.0.1:$((${BERTH_BASE_PORT:-5010} + n))"
  declare -x "BERTH_NODE_${n}_OPS=$((${BERTH_BASE_PORT:-5010} + 10 + n))"
  listen=BERTH_NODE_$n ops=BERTH_NODE_${n}_OPS
  BERTH_LISTEN=${!listen} BERTH_OPS=127.0.0.1:${!ops} BERTH_DATA=$work/node-$n \
    node "$here/../../bin/berth.mjs" serve --open --config "$here/berth.yaml" &
  nodes+=($!)
done
haproxy -db -f "$here/haproxy.cfg" &
proxy=$!
wait -n
