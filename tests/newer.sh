#!/usr/bin/env bash
# tests/newer.sh - programs from newer Debian suites than the machine's own, unpacked beside it and never installed.
# usage: tests/newer.sh PACKAGE ...     prints the folder of each, one a line; it holds the package's usr/bin and so on
#   env: FAROL_NEWER=FOLDER   where they are kept (default: target/newer)      FAROL_SUITES="sid trixie"   looked into in this order
# The machine's own package lists stay as they are: the state is a private one. Needs apt and a mirror, as any user.
set -euo pipefail
cd "$(dirname "$0")/.."
store=${FAROL_NEWER:-$PWD/target/newer}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "tests/newer.sh: no apt here" >&2; exit 3; }
mkdir -p "$store"/{etc,lists/partial,cache/archives/partial,debs}

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk -v own="$codename" '$1 == own { print $2; exit }')
[ -n "$mirror" ] || { echo "tests/newer.sh: the machine's apt names no mirror of its own release; apt-get update first" >&2; exit 3; }
suites=${FAROL_SUITES:-sid trixie}
for suite in $suites; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done >"$store/etc/sources.list"
apt=(apt-get -qq -o "Dir::Etc::SourceList=$store/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$store/lists" -o "Dir::Cache=$store/cache" -o APT::Sandbox::User=root
  -o Acquire::Languages=none -o Acquire::Retries=2)

# Two tests may want the same at once.
exec 9>"$store/lock"
flock 9
updated=""
for package in "$@"; do
  root=$store/$package
  if [ ! -e "$root/.complete" ]; then
    if [ -z "$updated" ]; then
      "${apt[@]}" update >&2
      updated=yes
    fi
    rm -rf "$root" "$store/debs/$package"
    mkdir -p "$store/debs/$package" "$root"
    got=""
    for suite in $suites; do
      if (cd "$store/debs/$package" && "${apt[@]}" download "$package/$suite" >/dev/null 2>&1); then
        got=$suite
        break
      fi
    done
    [ -n "$got" ] || { echo "tests/newer.sh: $package is in none of: $suites" >&2; exit 3; }
    dpkg-deb -x "$store/debs/$package"/*.deb "$root"
    touch "$root/.complete"
  fi
  echo "$root"
done
