#!/usr/bin/env bash
# tls.sh - a sweep of 1,000 TLS endpoints, ours and ssl_exporter's, in one run in one network namespace.
# usage: benches/peers/tls.sh [ROUNDS=3] [SECONDS=5]
#   PEER=/path/to/ssl_exporter   the peer; without it only ours is measured
#   OURS=target/release/tls-exporter    ours: the exporter's own binary, or farol, which answers to the word `tls-exporter`
# method: nginx (one worker, ECDSA P-256, TLS 1.3, no resumption) listens on 1,000 addresses of 127.1.0.0/16, each with a
#   certificate of its own from an intermediate; it and the exporters share a namespace of their own, so nothing leaves the
#   machine. The sweep: every address is a target with an interval of 1 s, so an exporter that keeps up makes 1,000 looks a
#   second and skips no round. /probe: wrk -t1 -c16 keep-alive, one address after another. CPU = utime+stime of the exporter
#   from /proc/PID/stat over what it completed. Rounds interleave the exporters; the table shows medians [min..max].
# needs: root, iproute2, nginx, openssl, wrk, curl, python3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-3} seconds=${2:-5}
ours=${OURS:-$top/target/release/tls-exporter} peer=${PEER:-}
export PATH="$PATH:/usr/sbin:/sbin"
[ -x "$ours" ] || { echo "tls.sh: $ours is missing: cargo build --release --workspace" >&2; exit 2; }
as=tls-exporter; [ "$(basename "$ours")" = "$as" ] && as=""
lab=$(mktemp -d) ns="farol-bench-$$"
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; ip netns del "$ns" 2>/dev/null || true; rm -rf "$lab"; }
trap cleanup EXIT
ip netns add "$ns"
in_ns() { ip netns exec "$ns" "$@"; }
in_ns ip link set lo up
in_ns sysctl -qw net.ipv4.tcp_max_tw_buckets=256 net.ipv4.ip_local_port_range="10240 65000"

cd "$lab"
ec=(-newkey ec -pkeyopt "ec_paramgen_curve:P-256" -nodes)
openssl req -x509 "${ec[@]}" -keyout root.key -out root.pem -days 30 -subj "/CN=Bench Root" 2>/dev/null
openssl req "${ec[@]}" -keyout middle.key -out middle.csr -subj "/CN=Bench Intermediate" 2>/dev/null
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -out middle.pem \
  -extfile <(printf 'basicConstraints=critical,CA:TRUE') 2>/dev/null
openssl req "${ec[@]}" -keyout leaf.key -out leaf.csr -subj "/CN=bench" 2>/dev/null
{
  echo "user $(id -un); worker_processes 1; daemon off; pid $lab/nginx.pid; error_log $lab/nginx.err warn;"
  echo "events { worker_connections 8192; multi_accept on; }"
  echo "http { access_log off; keepalive_timeout 0; ssl_session_cache off; ssl_session_tickets off; ssl_protocols TLSv1.3;"
  for part in client_body proxy fastcgi uwsgi scgi; do echo "${part}_temp_path $lab/$part;"; done
} >nginx.conf
echo "modules: {own: {timeout: 5s, tls_config: {ca_file: root.pem}}}" >probe.yml
{ cat probe.yml; echo "targets:"; } >sweep.yml
for i in $(seq 0 999); do
  ip="127.1.$((i / 250)).$((i % 250 + 1))"
  openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -set_serial $((1000 + i)) -days 30 \
    -extfile <(printf 'subjectAltName=IP:%s' "$ip") -out leaf.pem 2>/dev/null
  cat leaf.pem middle.pem >"$i.pem"
  echo "server { listen $ip:8443 ssl; ssl_certificate $lab/$i.pem; ssl_certificate_key $lab/leaf.key; return 204; }" >>nginx.conf
  echo "  - {target: '$ip:8443', module: own, interval: 1s}" >>sweep.yml
done
echo "}" >>nginx.conf
echo "modules: {own: {prober: tcp, timeout: 5s, tls_config: {ca_file: $lab/root.pem}}}" >peer.yml
cat >each.lua <<'LUA'
local i = 0
request = function()
  i = (i + 1) % 1000
  return wrk.format("GET", string.format("/probe?module=own&target=127.1.%d.%d:8443", math.floor(i / 250), i % 250 + 1))
end
LUA
ip netns exec "$ns" nginx -e stderr -c "$lab/nginx.conf" & pids+=($!)
for _ in $(seq 100); do in_ns curl -sk -o /dev/null https://127.1.3.250:8443/ && break; sleep .1; done

# start NAME CONFIG -> sets pid
start() {
  case $1 in
    ours) ip netns exec "$ns" "$ours" $as --config.file="$2" --web.listen-address=127.0.0.1:9219 --web.max-requests=0 >"$lab/$1.log" 2>&1 & ;;
    peer) ip netns exec "$ns" "$peer" --config.file=peer.yml --web.listen-address=127.0.0.1:9219 >"$lab/$1.log" 2>&1 & ;;
  esac
  pid=$!
  for _ in $(seq 100); do in_ns curl -sf -o /dev/null http://127.0.0.1:9219/metrics && return; sleep .05; done
  cat "$lab/$1.log" >&2; exit 1
}
stop() { kill "$pid"; wait "$pid" 2>/dev/null || true; }
ticks() { awk '{print $14+$15}' "/proc/$1/stat"; }
resident() { awk '/^VmRSS/{printf "%.1f", $2/1024}' "/proc/$1/status"; }
hz=$(getconf CLK_TCK)
# As Prometheus asks.
accept='application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
scrape() { in_ns curl -s --compressed -H "Accept: $accept" http://127.0.0.1:9219/metrics; }
sum() { scrape | awk -v name="$1{" 'index($0, name) == 1 {n += $NF} END {print n+0}'; }

names="ours"; [ -n "$peer" ] && names="ours peer"
for name in $names; do
  start "$name" probe.yml; sleep 1; echo "$name idle: $(resident "$pid") MB"; stop
done
for round in $(seq "$rounds"); do
  start ours sweep.yml; sleep 12 # the first looks are spread over ten seconds
  first=$(sum tls_probe_attempts_total) skipped=$(sum tls_probe_rounds_skipped_total) before=$(ticks "$pid") from=$(date +%s.%N)
  sleep "$seconds"
  after=$(ticks "$pid") last=$(sum tls_probe_attempts_total) to=$(date +%s.%N)
  awk -v a="$first" -v b="$last" -v t=$((after - before)) -v hz="$hz" -v from="$from" -v to="$to" -v rss="$(resident "$pid")" \
    -v skipped=$(($(sum tls_probe_rounds_skipped_total) - skipped)) -v bad="$((1000 - $(sum tls_probe_success)))" 'BEGIN{
    printf "sweep ours %.4f\n", t*1000/hz/(b-a) >>"samples"
    printf "sweep: %.0f looks a second, %d rounds skipped, %d targets not well, %.3f ms CPU a look, %.1f MB\n", (b-a)/(to-from), skipped, bad, t*1000/hz/(b-a), rss }'
  stop
  for name in $names; do
    start "$name" probe.yml
    in_ns wrk -t1 -c16 -d2s -s each.lua http://127.0.0.1:9219 >/dev/null
    before=$(ticks "$pid")
    done_=$(in_ns wrk -t1 -c16 -d"${seconds}s" -s each.lua http://127.0.0.1:9219 | awk '/requests in/{print $1}')
    awk -v n="$name" -v t=$(($(ticks "$pid") - before)) -v hz="$hz" -v r="$done_" -v s="$seconds" -v rss="$(resident "$pid")" \
      'BEGIN{printf "probe %s %.4f\n", n, t*1000/hz/r >>"samples"; printf "probe %s: %.0f a second, %.3f ms CPU each, %.1f MB\n", n, r/s, t*1000/hz/r, rss}'
    stop
  done
done
python3 - <<'PY'
import collections, statistics
data = collections.defaultdict(list)
for line in open("samples"):
    what, name, value = line.split(); data[what, name].append(float(value))
print("CPU ms: median [min..max]")
for (what, name), values in data.items():
    print(f"{what} {name} {statistics.median(values):.3f} [{min(values):.3f}..{max(values):.3f}]")
if ("probe", "peer") in data:
    print(f"peer/ours {statistics.median(data['probe', 'peer']) / statistics.median(data['probe', 'ours']):.1f}")
PY
