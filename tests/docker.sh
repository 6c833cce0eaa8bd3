#!/usr/bin/env bash
# tests/docker.sh - the shipped Dockerfile and docker-compose.yml on a real Docker engine, from nothing, as root on Debian.
# usage: tests/docker.sh            some minutes; the binary is built outside, in the Dockerfile's own way
#        tests/docker.sh --build    the same, and the Dockerfile's first stage is run too (ten minutes more)
#   env: DOCKER_LAB=FOLDER   everything it makes (default: a new one in /tmp, removed at the end)
#        FAROL_BINARY=FILE   a static farol that is built already
#
# The engine is Debian's docker.io, started by hand in a network namespace of its own: dockerd rewrites the firewall and
# the forwarding of the one it runs in, and here that is nobody's. No image registry is asked. The images that the files
# name are made here: Prometheus and Alertmanager of Debian's programs (not the versions that the tags say), the Rust
# image (--build) of this machine's toolchain and crates. Grafana is in no Debian suite: a stand-in that answers
# /api/health takes its place, so that the service's settings are tried, and Grafana is not.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
[ "$(id -u)" = 0 ] || { echo "tests/docker.sh: root only: it starts a Docker engine" >&2; exit 3; }
lab=${DOCKER_LAB:-$(mktemp -d /tmp/farol-docker.XXXXXX)}
mkdir -p "$lab"
space=farol-docker-$$
passed=0
failed=0

# --- reporting

pass() { passed=$((passed + 1)); echo "ok    $*"; }
fail() { failed=$((failed + 1)); echo "FAIL  $*" >&2; }
check() { # check TEXT COMMAND ...
  local text=$1
  shift
  if "$@" >"$lab/last" 2>&1; then pass "$text"; else fail "$text: $(tail -c 2000 "$lab/last")"; fi
}
within() { # within SECONDS COMMAND ...: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 1; done
}

# --- the engine

inside() { nsenter "--net=/run/netns/$space" "$@"; }
cleanup() {
  status=$?
  set +e
  if [ -n "${DOCKER_HOST:-}" ]; then
    if [ -d "$lab/clone" ]; then (cd "$lab/clone" && docker compose down -v --timeout 2 >/dev/null 2>&1); fi
    docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1
  fi
  if [ -s "$lab/dockerd.pid" ]; then
    engine=$(cat "$lab/dockerd.pid")
    kill "$engine" && for _ in $(seq 100); do kill -0 "$engine" 2>/dev/null || break; sleep 0.1; done
  fi
  ip netns del "$space" 2>/dev/null
  # What the engine left mounted, the deepest first.
  awk -v lab="$lab/" 'index($2, lab) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
  if [ -z "${DOCKER_LAB:-}" ]; then rm -rf "$lab"; fi
  if [ "$(iptables-save 2>/dev/null | grep -c DOCKER)" != 0 ]; then echo "FAIL  the machine's own firewall has chains of Docker" >&2; status=1; fi
  exit "$status"
}

start_engine() {
  local missing=""
  for pair in dockerd:docker.io iptables:iptables busybox:busybox-static ip:iproute2 curl:curl; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
  done
  if [ -n "$missing" ]; then
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; made_policy=yes; }
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    if [ -n "${made_policy:-}" ]; then rm -f /usr/sbin/policy-rc.d; fi
  fi
  local newer
  newer=$(tests/newer.sh docker-compose docker-buildx prometheus promtool prometheus-alertmanager)
  read -r -d '' compose buildx prometheus promtool alertmanager <<<"$newer" || true
  mkdir -p "$lab/client/cli-plugins"
  ln -sf "$compose/usr/libexec/docker/cli-plugins/docker-compose" "$buildx/usr/libexec/docker/cli-plugins/docker-buildx" "$lab/client/cli-plugins/"
  trap cleanup EXIT
  trap 'exit 1' INT TERM
  ip netns add "$space"
  inside ip link set lo up
  export DOCKER_CONFIG=$lab/client DOCKER_HOST=unix://$lab/docker.sock
  inside setsid dockerd --data-root "$lab/data" --exec-root "$lab/exec" --pidfile "$lab/dockerd.pid" \
    --host "$DOCKER_HOST" >"$lab/dockerd.log" 2>&1 </dev/null 9>&- &
  within 30 docker info >/dev/null 2>&1 || { tail -20 "$lab/dockerd.log" >&2; exit 1; }
  docker info --format 'engine {{.ServerVersion}}, storage {{.Driver}}, cgroup v{{.CgroupVersion}}'
}

# --- images, made here

# A program with the libraries it needs, at its own path in a folder that becomes an image.
with_libraries() { # with_libraries PROGRAM FOLDER
  install -D "$1" "$2/bin/$(basename "$1" | sed 's/^prometheus-alertmanager$/alertmanager/')"
  { ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
    install -D "$library" "$2$library"
  done
}

# What a compose file names, as its image line has it.
image_of() { sed -n "s|^ *image: \($1:[^ ]*\)\$|\1|p" docker-compose.yml; }

make_images() {
  local folder
  folder=$lab/image/prometheus
  with_libraries "$prometheus/usr/bin/prometheus" "$folder/root"
  with_libraries "$promtool/usr/bin/promtool" "$folder/root"
  mkdir -p "$folder/data/prometheus"
  docker build -q -t "$(image_of prom/prometheus)" -f - "$folder" >/dev/null <<'IMAGE'
FROM scratch
COPY root /
COPY --chown=65534:65534 data /
ENV PATH=/bin
ENTRYPOINT ["/bin/prometheus"]
IMAGE
  folder=$lab/image/alertmanager
  with_libraries "$alertmanager/usr/bin/prometheus-alertmanager" "$folder/root"
  with_libraries "$alertmanager/usr/bin/amtool" "$folder/root"
  mkdir -p "$folder/data/alertmanager" "$folder/root/usr/share"
  cp -r "$alertmanager/usr/share/prometheus" "$folder/root/usr/share/"
  # The published image is made on busybox.
  with_libraries "$(command -v busybox)" "$folder/root"
  for applet in sh sed cat mkdir mv date dirname printf id; do ln -sf busybox "$folder/root/bin/$applet"; done
  docker build -q -t "$(image_of prom/alertmanager)" -f - "$folder" >/dev/null <<'IMAGE'
FROM scratch
COPY root /
COPY --chown=65534:65534 data /
ENV PATH=/bin
ENTRYPOINT ["/bin/alertmanager"]
IMAGE
  folder=$lab/image/grafana
  with_libraries "$(command -v busybox)" "$folder/root"
  mkdir -p "$folder/root/www/api" "$folder/root/etc/grafana" "$folder/data"
  for applet in sh wget cat id gzip gunzip; do ln -sf busybox "$folder/root/bin/$applet"; done
  echo '{"database":"ok","version":"stand-in"}' >"$folder/root/www/api/health"
  # An empty page, that Prometheus can scrape.
  : >"$folder/root/www/metrics"
  cat >"$folder/root/run.sh" <<'SCRIPT'
#!/bin/sh
password=${GF_SECURITY_ADMIN_PASSWORD:-}
echo "stand-in for Grafana: admin creation off: $GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION, password of ${#password} letters"
: >>/var/lib/grafana/grafana.db || exit 1
exec /bin/busybox httpd -f -p 3000 -h /www
SCRIPT
  chmod +x "$folder/root/run.sh"
  mkdir -p "$folder/data/grafana"
  docker build -q -t "$(image_of grafana/grafana)" -f - "$folder" >/dev/null <<'IMAGE'
FROM scratch
COPY root /
COPY --chown=472:0 data /var/lib
ENV PATH=/bin
USER 472
ENTRYPOINT ["/run.sh"]
IMAGE
  echo "made $(image_of prom/prometheus) of Debian's $("$prometheus/usr/bin/prometheus" --version | awk 'NR == 1 { print $3 }')"
  echo "made $(image_of prom/alertmanager) of Debian's $("$alertmanager/usr/bin/amtool" --version | awk 'NR == 1 { print $3 }')"
  echo "made $(image_of grafana/grafana), a stand-in: Grafana itself is not tried here"
}

# The toolchain and the crates of this machine as the image that the Dockerfile begins with.
make_rust_image() {
  local from root
  from=$(sed -n 's/^FROM \(rust:[^ ]*\) AS build$/\1/p' Dockerfile)
  root=$lab/image/rust
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates bookworm "$root" \
    "$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | awk '$1 == "bookworm" { print $2; exit }')" >"$lab/debootstrap.log"
  mkdir -p "$root/usr/local/cargo" "$root/usr/local/toolchain"
  cp -a "$(rustc --print sysroot)"/{bin,lib} "$root/usr/local/toolchain/"
  cargo vendor --locked --quiet "$root/usr/local/cargo/vendor" >/dev/null
  cat >"$root/usr/local/cargo/config.toml" <<'CONFIG'
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/usr/local/cargo/vendor"
CONFIG
  tar -C "$root" --exclude=./var/cache/apt/archives/*.deb --exclude=./dev/* -c . |
    docker import -c 'ENV PATH=/usr/local/toolchain/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'ENV CARGO_HOME=/usr/local/cargo' - "$from" >/dev/null
  rm -rf "$root"
  echo "made $from of $(rustc --version), with the crates in it"
}

make_farol_image() {
  if [ "${1:-}" = --build ]; then
    make_rust_image
    # There is no way out of this network: what is built is what the clone and the image have.
    check "docker compose build: the Dockerfile, from a fresh clone" docker compose --progress=plain build farol
    [ "$failed" = 0 ] || exit 1
    return
  fi
  # The first stage's commands here, the last stage as it is.
  local host target tree=$lab/image/farol/image name
  host=$(rustc -vV | sed -n 's/^host: //p')
  target=${CARGO_TARGET_DIR:-$repository/target}/docker
  if [ -z "${FAROL_BINARY:-}" ]; then
    (cd "$repository" && CARGO_TARGET_DIR=$target RUSTFLAGS=$(sed -n 's/^ENV RUSTFLAGS="\(.*\)"$/\1/p' Dockerfile) \
      nice -n 10 cargo build --quiet --locked --release --target "$host")
  fi
  install -D "${FAROL_BINARY:-$target/$host/release/farol}" "$tree/usr/bin/farol"
  for name in $("$tree/usr/bin/farol" --help | awk '$1 ~ /-exporter$/ && $2 == "port" { print $1 }'); do ln -sf farol "$tree/usr/bin/$name"; done
  install -D /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  install -d "$tree/etc/farol"
  install -d -m 0700 "$lab/image/farol/state/var/lib/farol"
  { printf 'FROM scratch AS build\nCOPY image /image\nCOPY state /state\n'; sed -n '/^FROM scratch$/,$p' Dockerfile; } >"$lab/image/farol/Dockerfile"
  printf 'services: {farol: {build: {context: "%s"}}}\n' "$lab/image/farol" >"$lab/local.yml"
  check "docker compose up builds the image that is missing" docker compose -f docker-compose.yml -f "$lab/local.yml" up -d --wait --wait-timeout 60 farol
  docker compose down >/dev/null 2>&1
}

# --- looking at it

page() { inside curl -s --max-time 5 "$@"; }
query() { # query EXPRESSION: its value, or nothing
  page -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" |
    sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p' || true
}
is() { [ "$(query "$1")" = "$2" ]; } # is EXPRESSION VALUE
health() { docker inspect --format '{{.State.Health.Status}}' "farol-$1-1"; }
healthy() { [ "$(health "$1")" = healthy ]; }
pid_of() { docker inspect --format '{{.State.Pid}}' "farol-$1-1"; }
logs() { docker compose logs --no-color --no-log-prefix "$@" 2>&1; }
said() { # said SERVICE PATTERN (not by a pipe: who has read enough would break it, and that counts as a failure)
  logs "$1" >"$lab/said"
  grep -qE -- "$2" "$lab/said"
}

# --- the scenarios

fresh_clone() {
  mkdir -p "$lab/clone"
  git -C "$repository" ls-files -z --cached --others --exclude-standard |
    tar -C "$repository" --null --ignore-failed-read -T - -c 2>/dev/null | tar -C "$lab/clone" -x
  cd "$lab/clone"
}

it_comes_up() {
  echo "--- a fresh clone, no .env, no secret"
  local begun=$SECONDS
  check "docker compose up --wait: every container healthy" docker compose up -d --wait --wait-timeout 120
  if [ "$failed" != 0 ]; then logs --tail 20; exit 1; fi
  echo "      after $((SECONDS - begun)) s"
  docker compose ps --format '      {{.Service}} {{.Status}}'
  check "Prometheus reaches every job" within 60 is 'count(up == 1)' "$(grep -c 'job_name: ' config/prometheus.yml | awk '{print $1 - 1}')"
  # shellcheck disable=SC2016
  check "everything that is watched is well: pages, DNS, ICMP to the host" within 60 is 'count(probe_success == 1)' 5
  check "nothing fails, and no alert fires but those that always do" is 'count(ALERTS{alertstate="firing",severity="critical"}) or vector(0)' 0
  check "the status page tells it" sh -c "$(declare -f inside page); space=$space; page http://127.0.0.1:9700/ | grep -q 'everything works'"
  check "Grafana says in one line why nobody can log in" test "$(logs grafana | grep -c 'nobody can log in to Grafana: secrets/grafana/admin_password is missing')" = 1
  check "Alertmanager says in one line that nobody is told" test "$(logs alertmanager | grep -c 'no receiver is set')" = 1
  check "no administrator is made" said grafana 'admin creation off: true, password of 0 letters'
}

it_has_few_rights() {
  echo "--- rights"
  local service pid
  for service in farol prometheus alertmanager grafana; do
    pid=$(pid_of $service)
    check "$service: no capability, no new privileges, not root" \
      awk '/^CapEff/ && $2 !~ /^0+$/ {bad=1} /^CapBnd/ && $2 !~ /^0+$/ {bad=1} /^NoNewPrivs/ && $2 != 1 {bad=1} /^Uid/ && $2 == 0 {bad=1} END {exit bad}' "/proc/$pid/status"
    check "$service: its root cannot be written" sh -c "! touch /proc/$pid/root/x && ! touch /proc/$pid/root/usr/x"
    check "$service: a limit of memory and of processes" sh -c "docker inspect farol-$service-1 --format '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' | grep -qvE '^0| 0$|nil'"
  done
  check "nothing listens beside loopback" sh -c "! nsenter --net=/run/netns/$space ss -Hltn | awk '{print \$4}' | grep -vE '^(127\.|\[::1\])'"
  check "/probe goes to the stack, and nowhere else" sh -c "$(declare -f inside page); space=$space; [ \"\$(page -o /dev/null -w '%{http_code}' 'http://127.0.0.1:9115/probe?module=tcp_connect&target=prometheus:9090')\$(page -o /dev/null -w '%{http_code}' 'http://127.0.0.1:9115/probe?module=tcp_connect&target=192.0.2.1:80')\" = 200403 ]"
  local size
  size=$(docker image inspect --format '{{.Size}}' farol:local)
  check "the image has $((size / 1000000)) MB, no more than 40" test "$size" -le 40000000
}

it_takes_commands() {
  echo "--- the commands of docs/stack.md"
  local farol=(docker compose exec -T -w /etc/farol farol)
  check "farol check" "${farol[@]}" farol check probe.yml tls.yml
  check "probe-exporter once" "${farol[@]}" probe-exporter once --config.file probe.yml --module page http://prometheus:9090/-/healthy
  check "farol check in a container of its own" docker compose run --rm --no-deps -T -w /etc/farol farol check probe.yml
  check "promtool check config" docker compose exec -T -w /farol prometheus promtool check config config/prometheus.yml
}

it_survives() {
  echo "--- a process that dies, and one that hangs"
  local pid before samples silence
  for service in farol prometheus alertmanager grafana; do
    pid=$(pid_of $service)
    # A container that does not run has the number 0, which to kill is everybody.
    if [ "${pid:-0}" -le 1 ]; then fail "$service does not run"; continue; fi
    kill -9 "$pid"
    check "$service, killed, is back and healthy" within 60 sh -c "[ \"\$(docker inspect --format '{{.State.Pid}} {{.State.Health.Status}}' farol-$service-1 | grep -v '^$pid ' | cut -d' ' -f2)\" = healthy ]"
  done
  pid=$(pid_of farol)
  [ "${pid:-0}" -gt 1 ] || { fail "farol does not run"; return; }
  kill -STOP "$pid"
  check "farol, hanging, is called unhealthy" within 180 sh -c "[ \"\$(docker inspect --format '{{.State.Health.Status}}' farol-farol-1)\" = unhealthy ]"
  kill -CONT "$pid"
  check "and healthy once it goes on" within 60 healthy farol

  echo "--- restarts lose nothing"
  within 180 is 'count(up == 1)' 5 || true
  before=$(query 'count_over_time(up{job="farol"}[1h])')
  silence=$(docker compose exec -T alertmanager amtool --alertmanager.url=http://localhost:9093 silence add alertname=Nothing --comment=x --author=x --duration=1h)
  docker compose restart >/dev/null 2>&1
  check "all healthy after docker compose restart" within 120 sh -c "for s in farol prometheus alertmanager grafana; do [ \"\$(docker inspect --format '{{.State.Health.Status}}' farol-\$s-1)\" = healthy ] || exit 1; done"
  samples=$(query 'count_over_time(up{job="farol"}[1h])')
  check "the samples are there ($before before, $samples after)" test "${samples:-0}" -ge "${before:-1}"
  docker compose down >/dev/null 2>&1
  docker compose up -d --wait --wait-timeout 120 >/dev/null 2>&1 || true
  samples=$(query 'count_over_time(up{job="farol"}[1h])')
  check "also after docker compose down and up ($samples)" test "${samples:-0}" -ge "${before:-1}"
  check "the silence too" sh -c "docker compose exec -T alertmanager amtool --alertmanager.url=http://localhost:9093 silence query | grep -q '$silence'"
}

it_backs_up() {
  echo "--- a backup, as docs/stack.md has it"
  # The same commands, with an image that is there and has tar.
  local image before
  image=$(image_of grafana/grafana)
  before=$(query 'count_over_time(up{job="farol"}[1h])')
  docker compose stop >/dev/null 2>&1
  local volumes=(-v farol_prometheus:/data/prometheus -v farol_alertmanager:/data/alertmanager -v farol_grafana:/data/grafana -v "$PWD:/backup")
  check "it is written" docker run --rm -u 0 --entrypoint /bin/busybox "${volumes[@]}" "$image" tar -C /data -czf /backup/farol-backup.tar.gz .
  docker compose down --volumes >/dev/null 2>&1
  docker compose create >/dev/null 2>&1
  check "and unpacked onto empty volumes" docker run --rm -u 0 --entrypoint /bin/busybox "${volumes[@]}" "$image" tar -C /data -xzf /backup/farol-backup.tar.gz
  docker compose up -d --wait --wait-timeout 120 >/dev/null 2>&1 || true
  check "the samples are there again ($before before)" within 30 sh -c "$(declare -f inside page query); space=$space; [ \"\$(query 'count_over_time(up{job=\"farol\"}[1h])' )\" -ge ${before:-1} ]"
}

it_reloads() {
  echo "--- reload"
  sed -i 's/^  - {name: docker-host,/  - {name: renamed,/' config/compose/probe.yml
  check "farol reads a changed file by itself" within 180 is 'count(probe_success{target="renamed"})' 1
  sed -i 's/^  - job_name: grafana$/  - job_name: grafana-renamed/' config/prometheus.yml
  docker compose kill -s HUP prometheus >/dev/null 2>&1
  check "Prometheus does at a signal" within 180 is 'count(up{job="grafana-renamed"})' 1
  echo 'nonsense: true' >>config/prometheus.yml
  docker compose kill -s HUP prometheus >/dev/null 2>&1
  check "a bad file changes nothing, and the log says why" within 30 said prometheus 'nonsense'
  check "the one before is still in force" is 'count(up{job="grafana-renamed"})' 1
}

it_takes_secrets() {
  echo "--- secrets"
  (umask 077 && echo "correct horse battery" >secrets/grafana/admin_password)
  docker compose up -d --force-recreate --no-deps --wait grafana >/dev/null 2>&1
  check "one that cannot be read is told, and breaks nothing" said grafana 'cannot be read by user 472: chmod 644 it'
  chmod 644 secrets/grafana/admin_password
  docker compose up -d --force-recreate --no-deps --wait grafana >/dev/null 2>&1
  check "one that can makes the administrator" said grafana 'admin creation off: false, password of 21 letters'
  rm secrets/grafana/admin_password
  rmdir secrets/farol 2>/dev/null || rm -rf secrets/farol
  check "a whole folder that is missing breaks nothing" docker compose up -d --force-recreate --no-deps --wait farol
}

it_reaches_a_phone() {
  echo "--- a message"
  local host=172.17.0.1 sink
  # What ntfy would be, on the machine below the containers.
  inside python3 -c '
import http.server, sys
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(self.path, self.headers["Authorization"], body, flush=True)
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer((sys.argv[1], 18099), Sink).serve_forever()' "$host" >"$lab/sink.log" 2>&1 9>&- &
  sink=$!
  printf 'NTFY_URL=http://%s:18099/lab\nALERT_LANGUAGE=pt-BR\n' "$host" >.env
  printf 'tk_lab' >secrets/alertmanager/ntfy_token
  docker compose up -d --no-deps --wait alertmanager >/dev/null 2>&1
  check "Alertmanager says by which channel" said alertmanager 'messages go by: ntfy'
  docker compose exec -T alertmanager /farol/alerts/alertmanager/test-message.sh >/dev/null 2>&1
  check "the test message arrives, in Portuguese, with the token" within 60 grep -q 'Bearer tk_lab.*Teste do farol' "$lab/sink.log"
  head -c 400 "$lab/sink.log" | sed 's/^/      /'; echo
  kill "$sink"
  rm .env secrets/alertmanager/ntfy_token
}

it_says_when_the_disk_is_full() {
  echo "--- a full disk"
  docker compose rm -sf prometheus >/dev/null 2>&1
  docker volume rm farol_prometheus >/dev/null
  cat >"$lab/small.yml" <<'COMPOSE'
services:
  prometheus: {restart: "no"}
volumes:
  prometheus: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=24m,uid=65534,gid=65534"}}
COMPOSE
  git -C "$repository" show HEAD:config/prometheus.yml 2>/dev/null >"$lab/prometheus.yml" || cp "$repository/config/prometheus.yml" "$lab/prometheus.yml"
  cp "$repository/config/prometheus.yml" config/prometheus.yml
  local compose=(docker compose -f docker-compose.yml -f "$lab/small.yml") place
  "${compose[@]}" up -d --wait --wait-timeout 90 prometheus >/dev/null 2>&1 || true
  within 60 is 'count(up)' 5 || true
  place=$(docker volume inspect --format '{{.Mountpoint}}' farol_prometheus)
  dd if=/dev/zero of="$place/ballast" bs=1M count=64 2>/dev/null || true
  check "Prometheus says that there is no space" within 120 said prometheus 'no space left on device'
  sed -n '/no space left on device/{s/^.\{0,30\}\(.\{0,300\}\).*/      \1/p;q}' "$lab/said"
  rm -f "$place/ballast"
  check "and goes on by itself when there is some again" within 180 is 'count(up{job="farol"} offset 1s) or vector(0)' 1
}

it_takes_little() {
  echo "--- what it takes"
  docker stats --no-stream --format '      {{.Name}} {{.MemUsage}} {{.PIDs}} processes' || true
  echo "      series: $(query 'count({__name__=~".+"})'), of farol and its exporters: $(query 'count({job=~"farol|.*-exporter"})')"
}

# All of it is read before any of it runs: an edit meanwhile changes nothing.
main() {
  start_engine
  fresh_clone
  make_images
  make_farol_image "${1:-}"
  it_comes_up
  it_has_few_rights
  it_takes_commands
  it_takes_little
  it_survives
  it_backs_up
  it_reloads
  it_takes_secrets
  it_reaches_a_phone
  it_says_when_the_disk_is_full
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
main "$@"
exit
