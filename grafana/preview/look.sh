#!/usr/bin/env bash
# look.sh - pictures of every dashboard, in both languages and themes, over the history of history.mjs. For developers: needs Debian's
# prometheus (with promtool) and chromium, and `npm install` here. Everything it starts listens on loopback and ends with it.
# usage: look.sh [FOLDER]      FOLDER for the pictures, shots/ without it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shots=${1:-$here/shots}
port=${PROMETHEUS_PORT:-19190} web=4179
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
mkdir -p "$shots" "$work/data"
echo 'global: {}' >"$work/prometheus.yml"

serve() { # Prometheus over what there is so far; it reads blocks when it starts
  prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --storage.tsdb.retention.time=400d \
    --web.listen-address="127.0.0.1:$port" --log.level=error --query.lookback-delta=5m &
  prometheus=$!
  pids+=("$prometheus")
  for _ in $(seq 100); do
    if curl -fs "http://127.0.0.1:$port/-/ready" >/dev/null; then return; fi
    sleep 0.2
  done
  echo "look.sh: prometheus does not answer" >&2
  exit 1
}
stop() {
  kill "$prometheus"
  wait "$prometheus" 2>/dev/null || true
}
record() { # FILE GROUP SECONDS: what a group of rules would have recorded in the last seconds
  # From the beginning of a block (2 h): promtool records nothing at all if its first block holds no moment of evaluation.
  awk -v group="$2" 'BEGIN { print "groups:" } /^  - name:/ { wanted = ($3 == group) } /^  / && wanted' \
    "$here/../../alerts/rules/$1" | sed '/^      - alert:/,$d' >"$work/rules.yml"
  promtool tsdb create-blocks-from rules --url="http://127.0.0.1:$port" --start=$(((end - $3) / 7200 * 7200)) --end="$end" \
    --output-dir="$work/data" "$work/rules.yml" >/dev/null 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

end=$(node "$here/history.mjs" "$work/month.om" "$work/day.om" ${END:+"$END"})
for file in month day; do
  promtool tsdb create-blocks-from --max-block-duration=744h openmetrics -q "$work/$file.om" "$work/data" >/dev/null
done
rm "$work"/*.om
# Rules that read what others record come in a later round: what is backfilled is read after a new start.
serve
record slo.yml slo-counts $((31 * 86400))
record reasons.yml reasons 900
record tls.yml certificates 900
stop
serve
record slo.yml hours $((31 * 86400))
record slo.yml slo-recording 900
record services.yml services 900
record services.yml service-speed 900
stop
# What this group records, its own later rules read: sums, ratios of them, uptime.
for _ in sums ratios uptime; do
  serve
  record slo.yml slo-days 900
  stop
done
serve
[ -d "$here/dist" ] || (cd "$here" && npm run build)
# The page is built once; the dashboards it draws are those of now.
cp -r "$here/../dashboards/." "$here/dist/"
(cd "$here" && exec node node_modules/vite/bin/vite.js preview --host 127.0.0.1 --port "$web" --strictPort >/dev/null) &
pids+=($!)
END=$end PROMETHEUS="http://127.0.0.1:$port" WEB="http://127.0.0.1:$web" SHOTS=$shots node "$here/shots.mjs"
