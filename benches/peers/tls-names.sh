#!/usr/bin/env bash
# tls-names.sh - ssl_exporter and `tls-exporter --compat=ssl_exporter` side by side on the same servers: which series differ.
# usage: PEER=/path/to/ssl_exporter benches/peers/tls-names.sh
#   OURS=target/release/farol    the binary that answers to `tls-exporter`
# Everything runs on loopback in a network namespace of its own. For each server it prints the series (name, labels, value) that
# only one of the two shows; names that are not ssl_* are left out. Where both are to agree it fails if they do not.
# needs: root, iproute2, openssl, curl, python3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
ours=${OURS:-$top/target/release/farol} peer=${PEER:?give the peer}
export PATH="$PATH:/usr/sbin:/sbin"
lab=$(mktemp -d) ns="farol-names-$$"
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; ip netns del "$ns" 2>/dev/null || true; rm -rf "$lab"; }
trap cleanup EXIT
ip netns add "$ns"
in_ns() { ip netns exec "$ns" "$@"; }
in_ns ip link set lo up
cd "$lab"
ec=(-newkey ec -pkeyopt "ec_paramgen_curve:P-256" -nodes)
openssl req -x509 "${ec[@]}" -keyout root.key -out root.pem -days 30 -subj "/CN=Names Root" 2>/dev/null
openssl req "${ec[@]}" -keyout middle.key -out middle.csr -subj "/CN=Names Intermediate" 2>/dev/null
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -out middle.pem \
  -extfile <(printf 'basicConstraints=critical,CA:TRUE') 2>/dev/null
openssl req "${ec[@]}" -keyout key.pem -out leaf.csr -subj "/OU=one/OU=two/CN=names" 2>/dev/null
leaf() { openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -set_serial 0x0a3f9c11223344556677 "${@:2}" -out "$1" \
  -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:a.test,DNS:*.b.test,email:x@a.test') 2>/dev/null; }
leaf good.pem -days 20
leaf expired.pem -days -1
printf 'V\t391231235959Z\t\t0A3F9C11223344556677\tunknown\t/CN=names\n' >index.txt
openssl ocsp -issuer middle.pem -cert good.pem -no_nonce -reqout request.der 2>/dev/null
openssl ocsp -index index.txt -CA middle.pem -rsigner middle.pem -rkey middle.key -reqin request.der -respout staple.der -ndays 7 2>/dev/null
mkdir files; cat good.pem middle.pem >files/a.pem; cp root.pem files/b.pem
serve() { ip netns exec "$ns" openssl s_server -accept "127.0.0.1:$1" -key key.pem -cert_chain middle.pem -www "${@:2}" >/dev/null 2>&1 & pids+=($!); }
serve 1001 -cert good.pem
serve 1002 -cert good.pem -status_file staple.der
serve 1003 -cert good.pem -tls1_2
serve 1004 -cert expired.pem
serve 1005 -cert good.pem -Verify 1 -verify_return_error
cat >names.yml <<CONF
default_module: tcp
modules:
  tcp: {prober: tcp, tls_config: {ca_file: $lab/root.pem}}
  https: {prober: https, tls_config: {ca_file: $lab/root.pem}}
  insecure: {prober: tcp, tls_config: {insecure_skip_verify: true}}
  file: {prober: file}
CONF
ip netns exec "$ns" "$ours" tls-exporter --compat=ssl_exporter --config.file=names.yml --web.listen-address=127.0.0.1:9001 >ours.log 2>&1 & pids+=($!)
ip netns exec "$ns" "$peer" --config.file=names.yml --web.listen-address=127.0.0.1:9002 >peer.log 2>&1 & pids+=($!)
for port in 9001 9002; do for _ in $(seq 100); do in_ns curl -s -o /dev/null "http://127.0.0.1:$port/metrics" && break; sleep .05; done; done
cat >compare.py <<'PY'
import re, sys
def series(path):
    found = {}
    for line in open(path):
        match = re.match(r'(ssl_\w+)(?:\{(.*)\})? (\S+)$', line.strip())
        if match:
            labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")))
            found[match[1], labels] = float(match[3])
    return found
ours, peer = series("ours.page"), series("peer.page")
same = [key for key in ours if key in peer and ours[key] == peer[key]]
print(f"  {len(same)} series agree")
differ = 0
for who, mine, other in [("only ours", ours, peer), ("only peer", peer, ours)]:
    for key in mine:
        if mine[key] != other.get(key):
            differ += 1
            print(f"  {who}: {key[0]}{dict(key[1]) if key[1] else ''} {mine[key]:.10g}")
# Where there is no response the peer says that all is well; of a date that is not there it says the year 1.
allowed = {"ssl_ocsp_response_status", "ssl_ocsp_response_produced_at", "ssl_ocsp_response_this_update",
           "ssl_ocsp_response_next_update", "ssl_ocsp_response_revoked_at"}
strange = [key for key in set(ours) ^ set(peer) if key[0] not in allowed] + [k for k in ours if k in peer and ours[k] != peer[k]]
sys.exit(1 if sys.argv[1] == "agree" and strange else 0)
PY
status=0
compare() { # WHAT agree|differ QUERY
  echo "$1:"
  in_ns curl -s "http://127.0.0.1:9001/probe?$3" >ours.page
  in_ns curl -s "http://127.0.0.1:9002/probe?$3" >peer.page
  python3 compare.py "$2" || { echo "  NOT AS IT SHOULD BE"; status=1; }
}
compare "good" agree "module=tcp&target=127.0.0.1:1001"
compare "https" agree "module=https&target=https://127.0.0.1:1001/"
compare "stapled" agree "module=tcp&target=127.0.0.1:1002"
compare "TLS 1.2" agree "module=tcp&target=127.0.0.1:1003"
compare "files" agree "module=file&target=$lab/files/*.pem"
compare "expired" differ "module=tcp&target=127.0.0.1:1004"
compare "expired, not verified" differ "module=insecure&target=127.0.0.1:1004"
compare "client certificate wanted" differ "module=tcp&target=127.0.0.1:1005"
compare "nobody there" differ "module=tcp&target=127.0.0.1:1009"
exit $status
