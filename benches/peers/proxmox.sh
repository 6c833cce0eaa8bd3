#!/usr/bin/env bash
# proxmox.sh - a scrape of a Proxmox VE cluster, ours and prometheus-pve-exporter's, in one run in one network namespace.
# usage: benches/peers/proxmox.sh [SCRAPES=8] [SIZE=NODES/GUESTS …]
#   PEER=/path/to/pve_exporter   the peer (pip install prometheus-pve-exporter); without it only ours is measured
#   OURS=target/release/proxmox-exporter
#   FAKE=target/release/pve-fake the cluster: the tests' fake, TLS and all, 20 ms before every answer
# method: for each size (10/500, 16/2000, 32/10000) a fresh fake and a fresh exporter of each kind; the first scrape is not
#   counted, and ours is left alone until its background has been everywhere (fewer than 3 calls in 3 s). Then SCRAPES scrapes
#   six seconds apart, further than any answer is kept and than pveproxy keeps a connection: each makes its handshakes and asks
#   anew. Wall: from the request to the last byte, gzip asked for, as Prometheus asks. CPU: what the exporter's threads ran
#   (/proc/PID/task/*/schedstat) from before the request to 20 ms after it. RSS after the last scrape. The peer is asked for the cluster
#   (cluster=1&node=0) and for everything of one node (node=1); ours has everything of all nodes in /metrics. Calls: as the
#   fake counts them, in a scrape and, for ours, in a minute of scrapes 15 s apart.
# needs: root, iproute2, python3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
scrapes=${1:-8}
shift || true
[ $# -gt 0 ] || set -- 10/500 16/2000 32/10000
ours=${OURS:-$top/target/release/proxmox-exporter} fake=${FAKE:-$top/target/release/pve-fake} peer=${PEER:-}
export PATH="$PATH:/usr/sbin:/sbin"
for binary in "$ours" "$fake"; do [ -x "$binary" ] || { echo "proxmox.sh: $binary is missing: cargo build --release --workspace" >&2; exit 2; }; done
lab=$(mktemp -d) ns="farol-bench-$$"
cleanup() { ip netns del "$ns" 2>/dev/null || true; rm -rf "$lab"; }
trap cleanup EXIT
ip netns add "$ns"
ip netns exec "$ns" ip link set lo up
cat >"$lab/bench.py" <<'PY'
import atexit, glob, http.client, json, os, ssl, statistics, subprocess, sys, time

lab, ours, fake, peer, scrapes, *sizes = sys.argv[1:]
running = []
atexit.register(lambda: [process.kill() for process in running])
ACCEPT = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
UNVERIFIED = ssl._create_unverified_context()

def get(port, path, headers={}):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()

def scrape(port, path):
    began = time.perf_counter()
    status, body = get(port, path, {"Accept": ACCEPT, "Accept-Encoding": "gzip", "X-Prometheus-Scrape-Timeout-Seconds": "60"})
    took = time.perf_counter() - began
    assert status == 200, (path, status, body[:300])
    return took, len(body)

def stats():
    """Calls since this was last asked, by path; how many connections."""
    connection = http.client.HTTPSConnection("127.0.0.1", 8006, context=UNVERIFIED, timeout=30)
    connection.request("GET", "/__stats")
    told = json.loads(connection.getresponse().read())
    return sum(told["requests"].values()), told["connections"] - 1

def tree(pid):
    found = [pid]
    for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
        found += tree(int(child))
    return found

def cpu(pid):
    total = 0
    for process in tree(pid):
        for file in glob.glob(f"/proc/{process}/task/*/schedstat"):
            try: total += int(open(file).read().split()[0])
            except OSError: pass
    return total / 1e6

def rss(pid):
    lines = (line for process in tree(pid) for line in open(f"/proc/{process}/status"))
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

def start(command, port, **more):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(f"{lab}/log", "w"), **more)
    running.append(process)
    for _ in range(200):
        try:
            get(port, "/")
            return process
        except OSError:
            assert process.poll() is None, open(f"{lab}/log").read()
            time.sleep(0.05)
    raise SystemExit(f"{command[0]} does not listen")

def measure(name, process, port, path):
    scrape(port, path)
    walls, cpus = [], []
    stats()
    calls = []
    for _ in range(int(scrapes)):
        time.sleep(6)
        stats()
        before = cpu(process.pid)
        wall, size = scrape(port, path)
        time.sleep(0.02)
        cpus.append(cpu(process.pid) - before)
        walls.append(wall * 1000)
        calls.append(stats()[0])
    print(f"{name}: {statistics.median(walls):.0f} ms [{min(walls):.0f}..{max(walls):.0f}], CPU {statistics.median(cpus):.1f} ms "
          f"[{min(cpus):.1f}..{max(cpus):.1f}], RSS {rss(process.pid):.1f} MB, {size/1000:.0f} kB packed, {min(calls)} calls", flush=True)

for size in sizes:
    nodes, guests = size.split("/")
    print(f"== {nodes} nodes, {guests} guests, load {os.getloadavg()[0]:.1f}", flush=True)
    cluster = subprocess.Popen([fake, "8006", nodes, guests, "20"], stdout=subprocess.PIPE, text=True)
    running.append(cluster)
    config = ""
    while "fingerprint" not in config:
        config += cluster.stdout.readline()
    open(f"{lab}/proxmox.yml", "w").write(config)
    token = next(line.split()[-1] for line in config.splitlines() if line.strip().startswith("token:"))
    open(f"{lab}/pve.yml", "w").write(f"default: {{user: farol@pve, token_name: farol, token_value: {token}, verify_ssl: false, timeout: 60}}\n")
    time.sleep(0.5)
    process = start([ours, f"--config.file={lab}/proxmox.yml", "--web.listen-address=127.0.0.1:9221", "--log.level=error"], 9221)
    scrape(9221, "/metrics")
    began = time.time()
    while True:
        stats()
        time.sleep(3)
        if stats()[0] < 3 or time.time() - began > 240:
            break
    print(f"ours: the background has been everywhere after {time.time() - began:.0f} s, RSS {rss(process.pid):.1f} MB", flush=True)
    measure("ours /metrics", process, 9221, "/metrics")
    stats()
    for _ in range(4):
        time.sleep(15)
        scrape(9221, "/metrics")
    calls, connections = stats()
    print(f"ours: {calls} calls by {connections} connections in a minute of 4 scrapes", flush=True)
    process.terminate(); process.wait()
    if peer:
        process = start([peer, f"--config.file={lab}/pve.yml", "--web.listen-address=127.0.0.1:9222"], 9222)
        for name, query in [("peer, cluster", "cluster=1&node=0"), ("peer, cluster and one node", "cluster=1&node=1")]:
            measure(name, process, 9222, f"/pve?target=127.0.0.1:8006&module=default&{query}")
        process.terminate(); process.wait()
    cluster.kill(); cluster.wait()
PY
ip netns exec "$ns" python3 "$lab/bench.py" "$lab" "$ours" "$fake" "$peer" "$scrapes" "$@"
