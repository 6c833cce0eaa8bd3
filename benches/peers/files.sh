#!/usr/bin/env bash
# files.sh - tls-exporter and many certificates in files: the first scan, a scan without changes, a scrape, memory.
# usage: benches/peers/files.sh [FILES=20000] [SCRAPED=5000] [ROUNDS=5]
#   OURS=target/release/farol
# method: PEM files of one P-256 certificate each, made beforehand (100 different ones, 50 files a folder), the disk cache warm.
#   Per round a fresh process over FILES files; the first scan's time is the exporter's own, from its log, that of a later one
#   without changes its tls_source_scan_duration_seconds. Then a process over SCRAPED files: the median of 20 scrapes of /metrics by curl
#   (plain, and gzip; the page is encoded anew after each scan, every 5 s, which the maximum has in it); CPU = utime+stime
#   over these; the bytes that the process has read meanwhile (rchar: requests and its own /proc, no certificate); the
#   resident set there, over FILES files, and with nothing to watch. Loopback only.
# needs: openssl, curl, python3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
files=${1:-20000} scraped=${2:-5000} rounds=${3:-5} ours=${OURS:-$top/target/release/farol}
[ -x "$ours" ] || { echo "files.sh: $ours is missing: cargo build --release" >&2; exit 2; }
lab=$(mktemp -d) pid=""
cleanup() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$lab"; }
trap cleanup EXIT
cd "$lab"
for n in $(seq 100); do
  openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 90 -subj "/CN=$n.test" \
    -addext "subjectAltName=DNS:$n.test" -keyout /dev/null -out "$n.pem" 2>/dev/null
done
python3 - "$files" "$scraped" <<'PY'
import pathlib, sys
made = [pathlib.Path(f"{n}.pem").read_bytes() for n in range(1, 101)]
for name, count in (("all", int(sys.argv[1])), ("some", int(sys.argv[2]))):
    for n in range(count):
        folder = pathlib.Path(name, str(n // 50)); folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n}.pem").write_bytes(made[n % 100])
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
page="http://127.0.0.1:$port/metrics"
for name in all some; do
  echo "files: [{name: lab, paths: ['$lab/$name/*/*.pem'], interval: 5s}]" >"$name.yml"
done
echo "{}" >none.yml
value() { curl -sf "$page" | awk -v name="$1{" 'index($0, name) == 1 {print $NF}'; }
start() { # CONFIGURATION FILES
  "$ours" tls-exporter --config.file="$1" --web.listen-address="127.0.0.1:$port" --log.level=debug >"$lab/log" 2>&1 & pid=$!
  for _ in $(seq 600); do
    if [ "$2" = 0 ]; then curl -sf -o /dev/null "$page" && return; else [ "$(value tls_source_files || true)" = "$2" ] && return; fi
    sleep .1
  done
  cat "$lab/log" >&2; exit 1
}
stop() { kill "$pid"; wait "$pid" 2>/dev/null || true; pid=""; }
ms() { awk '{printf "%.1f\n", $1*1000}'; }
resident() { awk '/^VmRSS/{printf "%.1f MB", $2/1024}' "/proc/$pid/status"; }
median() { sort -n | awk '{v[NR]=$1} END{printf "%s [%s..%s] ms\n", v[int((NR+1)/2)], v[1], v[NR]}'; }
ticks() { awk '{print $14+$15}' "/proc/$pid/stat"; }
read_bytes() { awk '/^rchar/{print $2}' "/proc/$pid/io"; }

cat all/*/*.pem >/dev/null
for _ in $(seq "$rounds"); do
  start all.yml "$files"
  # From then on the folders are watched; what changed before that is sought by a second look, which is counted in.
  grep -o 'files scanned.*took=[^ ]*' log | head -1 | python3 -c '
import re, sys
number, unit = re.search(r"took=\"?([0-9.]+)([mµ]?s)", sys.stdin.read()).groups()
print(round(float(number) * {"s": 1e3, "ms": 1, "µs": 1e-3}[unit], 1))' >>first_scan
  sleep 6
  value tls_source_scan_duration_seconds | ms >>again
  over=$(resident)
  stop
done
echo "the first scan of $files files: $(median <first_scan)"
echo "a scan without changes: $(median <again)"
echo "resident over $files files: $over"
start none.yml 0; sleep 1; echo "idle, nothing to watch: $(resident)"; stop
start some.yml "$scraped"
before=$(ticks) had=$(read_bytes)
for _ in $(seq 20); do curl -sf -o /dev/null -w '%{time_total} %{size_download}\n' "$page"; done >plain
for _ in $(seq 20); do curl -sf -H 'Accept-Encoding: gzip' -o /dev/null -w '%{time_total} %{size_download}\n' "$page"; done >gzip
hz=$(getconf CLK_TCK)
echo "/metrics of $scraped certificates: plain $(ms <plain | median); gzip $(ms <gzip | median); $(awk 'END{print $2}' plain) and $(awk 'END{print $2}' gzip) bytes; CPU $(awk -v t=$(($(ticks) - before)) -v hz="$hz" 'BEGIN{printf "%.1f", t*1000/hz/40}') ms each; read meanwhile $(($(read_bytes) - had)) bytes"
echo "resident over $scraped files: $(resident)"
stop
