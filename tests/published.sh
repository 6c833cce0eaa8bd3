#!/usr/bin/env bash
# tests/published.sh - the stack's tests with the Prometheus and Alertmanager that docker-compose.yml names, instead of Debian's.
# usage: tests/published.sh FOLDER     it holds prometheus, promtool, alertmanager and amtool, as their releases do
# Rules, routes and the live test run with them; a program that is missing, or of another version, is told and is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(cd "${1:?usage: tests/published.sh FOLDER (it holds prometheus, promtool, alertmanager and amtool)}" && pwd)
pinned() { sed -n "s|^ *image: prom/$1:v||p" docker-compose.yml; }
bad=""
for program in prometheus promtool alertmanager amtool; do
  case $program in prom*) want=$(pinned prometheus) ;; *) want=$(pinned alertmanager) ;; esac
  if [ ! -x "$folder/$program" ]; then
    echo "tests/published.sh: $folder has no $program" >&2
    bad=yes
  elif ! "$folder/$program" --version 2>&1 | grep -q "version $want "; then
    echo "tests/published.sh: $folder/$program is not $want, which docker-compose.yml names: $("$folder/$program" --version 2>&1 | head -1)" >&2
    bad=yes
  fi
done
[ -z "$bad" ] || exit 1
# Under the names that Debian gives them, before Debian's on the path.
names=$(mktemp -d)
trap 'rm -rf "$names"' EXIT
for program in prometheus promtool amtool; do ln -s "$folder/$program" "$names/$program"; done
ln -s "$folder/alertmanager" "$names/prometheus-alertmanager"
export PATH="$names:$PATH" AMTOOL_NEW="$folder/amtool" ALERTMANAGER_NEW="$folder/alertmanager"
SITE=home promtool check config config/prometheus.yml
cargo test --workspace --test rules --test routes --test live
