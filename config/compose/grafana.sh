#!/bin/sh
# Starts Grafana with an administrator only if somebody gave a password for it. The image's own way (a variable that
# names a file) makes admin/admin when that file is missing.
set -eu
secret=${FAROL_GRAFANA_SECRET:-/run/secrets/admin_password}
start=${FAROL_GRAFANA_START:-/run.sh}

if [ -s "$secret" ] && [ -r "$secret" ]; then
  GF_SECURITY_ADMIN_PASSWORD=$(cat "$secret")
  export GF_SECURITY_ADMIN_PASSWORD GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION=false GF_AUTH_DISABLE_LOGIN_FORM=false
else
  if [ -s "$secret" ]; then
    why="cannot be read by user $(id -u): chmod 644 it"
  else
    why="is missing or empty"
  fi
  echo "farol: nobody can log in to Grafana: secrets/grafana/admin_password $why; read-only views work without" >&2
  export GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION=true GF_AUTH_DISABLE_LOGIN_FORM=true GF_AUTH_BASIC_ENABLED=false
fi
exec "$start" "$@"
