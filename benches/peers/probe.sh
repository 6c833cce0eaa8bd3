#!/usr/bin/env bash
# probe.sh - CPU and memory of a probe, ours and blackbox_exporter's, in one run in one network namespace.
# usage: benches/peers/probe.sh [ROUNDS=5] [SECONDS=2] [CASES="http tls12 tls13 tcp dns icmp"]
#   PEER=/path/to/blackbox_exporter   the peer; without it only ours is measured (0.28 is in newer Debian suites)
#   OURS=target/release/probe-exporter
# method: nginx (TLS 1.2 RSA-2048, TLS 1.3 ECDSA P-256, CA-signed leaves, no resumption), dnsmasq and the exporters share a
#   namespace of their own, so nothing leaves the machine and its TIME_WAIT table stays small. Per round, case and exporter:
#   a fresh process, 1 s warm-up, then wrk -t1 -c16 keep-alive on /probe; CPU = utime+stime of the exporter from
#   /proc/PID/stat over the requests completed. Rounds interleave the exporters; the table shows medians [min..max].
#   Memory: resident set idle; with 1,000 probes in flight to a peer that never answers; before and after 100,000 https probes.
# needs: root, iproute2, nginx, dnsmasq, openssl, wrk, curl, python3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-5} seconds=${2:-2} cases=${3:-"http tls12 tls13 tcp dns icmp"}
ours=${OURS:-$top/target/release/probe-exporter} peer=${PEER:-}
export PATH="$PATH:/usr/sbin:/sbin"
[ -x "$ours" ] || { echo "probe.sh: $ours is missing: cargo build --release -p probe-exporter" >&2; exit 2; }
lab=$(mktemp -d) ns="farol-bench-$$"
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; ip netns del "$ns" 2>/dev/null || true; rm -rf "$lab"; }
trap cleanup EXIT
ip netns add "$ns"
in_ns() { ip netns exec "$ns" "$@"; }
in_ns ip link set lo up
in_ns sysctl -qw net.ipv4.tcp_max_tw_buckets=256 net.ipv4.ping_group_range="0 2147483647" net.ipv4.ip_local_port_range="10240 65000"

cd "$lab"
authority() { # NAME ALGORITHM...
  openssl req -x509 "${@:2}" -nodes -keyout "$1-ca.key" -out "$1-ca.pem" -days 30 -subj "/CN=$1 authority" 2>/dev/null
  openssl req "${@:2}" -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=probe.test" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$1-ca.pem" -CAkey "$1-ca.key" -CAcreateserial -days 30 -out "$1.pem" \
    -extfile <(printf 'subjectAltName=DNS:probe.test,IP:127.0.0.1') 2>/dev/null
}
authority rsa -newkey rsa:2048
authority ec -newkey ec -pkeyopt ec_paramgen_curve:P-256
cat rsa-ca.pem ec-ca.pem >ca.pem
cat >nginx.conf <<CONF
user $(id -un); worker_processes 1; daemon off; pid $lab/nginx.pid; error_log $lab/nginx.err warn;
events { worker_connections 8192; multi_accept on; }
http { access_log off; keepalive_timeout 0; ssl_session_cache off; ssl_session_tickets off;
 client_body_temp_path $lab/t1; proxy_temp_path $lab/t2; fastcgi_temp_path $lab/t3; uwsgi_temp_path $lab/t4; scgi_temp_path $lab/t5;
 server { listen 127.0.0.1:8080 backlog=8192; location / { return 200 "ok\n"; } }
 server { listen 127.0.0.1:8412 ssl backlog=8192; ssl_certificate $lab/rsa.pem; ssl_certificate_key $lab/rsa.key; ssl_protocols TLSv1.2; location / { return 200 "ok\n"; } }
 server { listen 127.0.0.1:8413 ssl backlog=8192; ssl_certificate $lab/ec.pem; ssl_certificate_key $lab/ec.key; ssl_protocols TLSv1.3; location / { return 200 "ok\n"; } }
}
CONF
printf 'port=5353\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\naddress=/www.probe.test/127.0.0.9\n' >dnsmasq.conf
cat >modules.yml <<CONF
modules:
  http: {prober: http, timeout: 30s, http: {preferred_ip_protocol: ip4}}
  tls: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4, enable_http2: false, tls_config: {ca_file: $lab/ca.pem}}}
  tcp: {prober: tcp, timeout: 2s, tcp: {preferred_ip_protocol: ip4}}
  dns: {prober: dns, timeout: 2s, dns: {preferred_ip_protocol: ip4, query_name: www.probe.test, query_type: A}}
  icmp: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4}}
CONF
cat >tarpit.py <<'CONF'
import asyncio
async def hold(reader, writer): await asyncio.sleep(600)
async def main():
    await asyncio.start_server(hold, "127.0.0.1", 8081, backlog=4096)
    await asyncio.sleep(600)
asyncio.run(main())
CONF
ip netns exec "$ns" nginx -c "$lab/nginx.conf" & pids+=($!)
ip netns exec "$ns" dnsmasq --keep-in-foreground -C dnsmasq.conf & pids+=($!)
ip netns exec "$ns" python3 tarpit.py & pids+=($!)
sleep 1

# start NAME -> sets pid and url
start() {
  case $1 in
    ours) ip netns exec "$ns" "$ours" --config.file=modules.yml --web.listen-address=127.0.0.1:9115 --web.max-requests=0 --web.max-connections=4096 >"$lab/$1.log" 2>&1 & ;;
    peer) ip netns exec "$ns" "$peer" --config.file=modules.yml --web.listen-address=127.0.0.1:9115 >"$lab/$1.log" 2>&1 & ;;
  esac
  pid=$!
  for _ in $(seq 100); do in_ns curl -sf -o /dev/null http://127.0.0.1:9115/-/healthy && return; sleep .05; done
  cat "$lab/$1.log" >&2; exit 1
}
stop() { kill "$pid"; wait "$pid" 2>/dev/null || true; }
target() {
  case $1 in
    http) echo "module=http&target=http://127.0.0.1:8080/" ;;
    tls12) echo "module=tls&target=https://127.0.0.1:8412/" ;;
    tls13) echo "module=tls&target=https://127.0.0.1:8413/" ;;
    tcp) echo "module=tcp&target=127.0.0.1:8080" ;;
    dns) echo "module=dns&target=127.0.0.1:5353" ;;
    icmp) echo "module=icmp&target=127.0.0.1" ;;
  esac
}
ticks() { awk '{print $14+$15}' "/proc/$1/stat"; }
resident() { awk '/^VmRSS/{printf "%.1f", $2/1024}' "/proc/$1/status"; }
hz=$(getconf CLK_TCK)
names="ours"; [ -n "$peer" ] && names="ours peer"

for round in $(seq "$rounds"); do
  for case in $cases; do
    for name in $names; do
      start "$name"
      url="http://127.0.0.1:9115/probe?$(target "$case")"
      in_ns curl -s "$url" | grep -q '^probe_success 1' || { echo "probe.sh: $name $case does not succeed" >&2; in_ns curl -s "$url" >&2; exit 1; }
      in_ns wrk -t1 -c16 -d1s "$url" >/dev/null
      before=$(ticks "$pid")
      done_=$(in_ns wrk -t1 -c16 -d"${seconds}s" "$url" | awk '/requests in/{print $1}')
      awk -v n="$name" -v c="$case" -v t=$(($(ticks "$pid") - before)) -v hz="$hz" -v r="$done_" \
        'BEGIN{printf "%s %s %.4f\n", n, c, t*1000/hz/r}' >>samples
      stop
    done
  done
done
for name in $names; do
  start "$name"; sleep 1; idle=$(resident "$pid")
  url="http://127.0.0.1:9115/probe?module=http&target=http://127.0.0.1:8081/"
  ip netns exec "$ns" wrk -t1 -c1000 -d6s "$url" >/dev/null 2>&1 & load=$!
  sleep 4; full=$(resident "$pid"); kill $load 2>/dev/null || true; wait $load 2>/dev/null || true; stop
  start "$name"; url="http://127.0.0.1:9115/probe?$(target tls13)"
  count=0; first=""
  while [ "$count" -lt "${FLAT:-100000}" ]; do
    count=$((count + $(in_ns wrk -t1 -c16 -d3s "$url" | awk '/requests in/{print $1}')))
    [ -n "$first" ] || first=$(resident "$pid")
  done
  echo "$name memory: idle $idle MB; 1,000 slow http probes in flight $full MB = $(awk -v a="$full" -v b="$idle" 'BEGIN{printf "%.1f", (a-b)*1.024}') kB each; https probes: $first MB after the first 3 s, $(resident "$pid") MB after $count"
  stop
done
python3 - $names <<'PY'
import collections, statistics, sys
names = sys.argv[1:]; data = collections.defaultdict(list)
for line in open("samples"):
    name, case, value = line.split(); data[name, case].append(float(value))
print("CPU ms a probe: median [min..max]")
for case in dict.fromkeys(case for _, case in data):
    row = [f"{case:6}"]
    for name in names:
        values = data[name, case]; row.append(f"{name} {statistics.median(values):.3f} [{min(values):.3f}..{max(values):.3f}]")
    if len(names) == 2: row.append(f"peer/ours {statistics.median(data['peer', case]) / statistics.median(data['ours', case]):.1f}")
    print("  ".join(row))
PY
