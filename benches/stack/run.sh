#!/usr/bin/env bash
# run.sh - how long the rules and the dashboards' queries take in a Prometheus that has watched for a month.
# usage: benches/stack/run.sh [TARGETS=200] [DAYS=30]
#   PRIORITY=-15 runs Prometheus and the questions before everything else, for a machine that is busy
#   OURS=target/release/farol     PROMETHEUS, PROMTOOL: others than those on the path      KEEP=1 keeps the folder
# method: in a network namespace of its own, farol watches TARGETS services of an nginx every 30 s, one in forty of them down;
#   history.py takes its real pages and writes every series of them DAYS back, `promtool tsdb create-blocks-from openmetrics`
#   makes blocks of that, and a Prometheus with the shipped configuration, rules and intervals (hours every 2 min) goes on, with
#   farol, itself and Alertmanager as live targets. It runs until every group of rules was evaluated, then ask.py
#   asks what the dashboards ask, and adds up how long the rules took.
# needs: root, iproute2, nginx, openssl, prometheus, promtool, prometheus-alertmanager, curl, python3; 4 GB of disk, some minutes
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/benches/stack
targets=${1:-200} days=${2:-30}
ours=${OURS:-$top/target/release/farol} prometheus=${PROMETHEUS:-prometheus} promtool=${PROMTOOL:-promtool}
priority=${PRIORITY:-0}
export PATH="$PATH:/usr/sbin:/sbin" TZ=UTC SITE=home
[ -x "$ours" ] || { echo "run.sh: $ours is missing: cargo build --release" >&2; exit 2; }
lab=$(mktemp -d) ns="farol-stack-$$"
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns del "$ns" 2>/dev/null || true
  [ -n "${KEEP:-}" ] && echo "kept: $lab" || rm -rf "$lab"
}
trap cleanup EXIT
ip netns add "$ns"
in_ns() { ip netns exec "$ns" "$@"; }
in_ns ip link set lo up
in_ns sysctl -qw net.ipv4.ping_group_range="0 2147483647"
start() { name=$1; shift; ip netns exec "$ns" "$@" >"$lab/$name.log" 2>&1 & pids+=($!); }
ready() { for _ in $(seq 600); do in_ns curl -sf -o /dev/null "$1" && return; sleep .1; done; echo "run.sh: $1 does not answer" >&2; tail -3 "$lab"/*.log >&2; exit 1; }

cd "$lab"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=probe.test -keyout key.pem -out cert.pem \
  -addext subjectAltName=DNS:probe.test,IP:127.0.0.1 2>/dev/null
cat >nginx.conf <<CONF
user $(id -un); worker_processes 1; daemon off; pid $lab/nginx.pid; error_log $lab/nginx.err warn;
events { worker_connections 1024; }
http { access_log off; keepalive_timeout 0;
 client_body_temp_path $lab/t1; proxy_temp_path $lab/t2; fastcgi_temp_path $lab/t3; uwsgi_temp_path $lab/t4; scgi_temp_path $lab/t5;
 server { listen 127.0.0.1:8080; location / { return 200 "ok\n"; } location /bad/ { return 502; } }
 server { listen 127.0.0.1:8443 ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; location / { return 200 "ok\n"; } } }
CONF
start nginx nginx -c "$lab/nginx.conf" -e stderr

# Of forty: 24 https, 6 http, 5 tcp, 4 icmp, and one that is down, in turn refused and with a 502.
mkdir farol
{
  cat <<CONF
modules:
  https: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4, tls_config: {ca_file: $lab/cert.pem}}}
  http: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}
  tcp: {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}
  icmp: {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}
targets:
CONF
  for n in $(seq "$targets"); do
    case $((n % 40)) in
      0) [ $((n % 80)) = 0 ] && m=http at=http://127.0.0.1:8080/bad/ || { m=http at=http://127.0.0.1:8081/; } ;;
      [1-9] | 1? | 2[0-4]) m=https at=https://127.0.0.1:8443/$n ;;
      2[5-9] | 30) m=http at=http://127.0.0.1:8080/$n ;;
      3[1-5]) m=tcp at=127.0.0.1:8080 ;;
      *) m=icmp at=127.0.0.$((n % 250 + 1)) ;;
    esac
    echo "  - {name: service-$n, target: \"$at\", module: $m, interval: 30s, objective: 99.9%, labels: {node: pve$((n % 3))}}"
  done
} >farol/probe.yml
start farol "$ours" up --config.dir="$lab/farol" --web.listen-address=127.0.0.1:9700 --listen=probe-exporter=127.0.0.1:9115
ready http://127.0.0.1:9115/-/healthy
for _ in $(seq 90); do # until each has been probed
  in_ns curl -s http://127.0.0.1:9115/metrics >probe-exporter.page
  [ "$(grep -c '^probe_success{' probe-exporter.page)" -ge "$targets" ] && break
  sleep 1
done
in_ns curl -s http://127.0.0.1:9700/metrics >farol.page

began=$SECONDS
python3 "$here/history.py" "$days" "$promtool" tsdb probe-exporter=127.0.0.1:9115=probe-exporter.page farol=127.0.0.1:9700=farol.page
echo "history of $days days made in $((SECONDS - began)) s, $(du -sh tsdb | cut -f1)B"

mkdir -p config
cp -r "$top/alerts" .
sed -i -E 's/^    interval: (1h|15m)$/    interval: 2m/' alerts/rules/*.yml # so that nobody waits for an hour
sed -e 's/"farol:/"127.0.0.1:/' -e 's/"alertmanager:/"127.0.0.1:/' -e 's/"grafana:/"127.0.0.1:/' -e 's/"localhost:/"127.0.0.1:/' \
  "$top/config/prometheus.yml" >config/prometheus.yml
start alertmanager env ALERTMANAGER=prometheus-alertmanager ALERTMANAGER_RENDERED="$lab/rendered" SECRETS="$lab/none" \
  alerts/alertmanager/start.sh --storage.path="$lab/alertmanager" --web.listen-address=127.0.0.1:9093 --cluster.listen-address=
start prometheus nice -n "$priority" "$prometheus" --config.file=config/prometheus.yml --storage.tsdb.path=tsdb --storage.tsdb.retention.time=180d \
  --web.listen-address=127.0.0.1:9090 --enable-feature=expand-external-labels
ready http://127.0.0.1:9090/-/ready
ip netns exec "$ns" nice -n "$priority" python3 "$here/ask.py" "$top/grafana/dashboards/farol"
