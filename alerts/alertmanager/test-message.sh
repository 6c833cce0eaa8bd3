#!/bin/sh
# Sends "Test from farol" through Alertmanager to every channel, and two minutes later that it is over. In the container:
#   docker compose exec alertmanager /farol/alerts/alertmanager/test-message.sh
# usage: test-message.sh [critical|warning]        ALERTMANAGER_URL (http://localhost:9093), AMTOOL
set -eu
severity=${1:-critical}
case $severity in critical | warning) ;; *) echo "test-message.sh: critical or warning, not $severity" >&2; exit 2 ;; esac
# busybox and GNU date both know @seconds. Without a start Alertmanager takes the end for it, and tells a time to come.
now=$(date +%s)
moment() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
"${AMTOOL:-amtool}" alert add --alertmanager.url="${ALERTMANAGER_URL:-http://localhost:9093}" \
  --start="$(moment "$now")" --end="$(moment $((now + 120)))" \
  alertname=TestMessage severity="$severity" target=test instance="test-$now" \
  --annotation=summary='Test from farol: this channel works' \
  --annotation=description='Nothing is wrong. Who sees this will also see alerts.' \
  --annotation=recovery='Test from farol is over at {at}: recoveries arrive, too' \
  --annotation=summary_pt='Teste do farol: este canal funciona' \
  --annotation=description_pt='Nada está errado. Quem vê isto também verá os alertas.' \
  --annotation=recovery_pt='Teste do farol encerrado às {at}: recuperações também chegam' \
  --annotation=runbook_url=alerts/runbooks/README.md --annotation=dashboard_url=/d/farol-overview
wait=10\ s; [ "$severity" = critical ] || wait=1\ min
echo "handed to Alertmanager; it sends after $wait, and the recovery some 2 to 7 min later"
