#!/bin/sh
# Puts the receivers that the environment asks for into alertmanager.yml, and starts Alertmanager with the result, which it
# cannot do by itself: it does not read variables. A POSIX shell with sed is enough (busybox in the official image).
#
#   start.sh [ALERTMANAGER ARGUMENT ...]     renders and starts; without any receiver it says so in one line
#   start.sh --render                        renders and prints where
#
# Each channel is on when its variable is set; a secret is a file, named by the variable or lying in SECRETS under the name
# in brackets. See README.md. Secrets are never copied, printed or passed as arguments, except addresses that are set as
# plain variables, which stand in the rendered file (readable by its owner alone).
#
#   NTFY_URL                     https://ntfy.sh/your-topic      token: NTFY_TOKEN_FILE [ntfy_token]
#   TELEGRAM_CHAT_ID             -1001234567890                  token: TELEGRAM_BOT_TOKEN_FILE [telegram_bot_token]
#   EMAIL_TO, EMAIL_FROM         and SMTP_HOST (host:port), SMTP_USER; password: SMTP_PASSWORD_FILE [smtp_password];
#                                SMTP_REQUIRE_TLS=false for a relay of the house that knows none
#   SLACK_WEBHOOK_URL_FILE       [slack_webhook_url]             channel: SLACK_CHANNEL
#   DISCORD_WEBHOOK_URL_FILE     [discord_webhook_url]
#   WEBHOOK_URL                  or WEBHOOK_URL_FILE [webhook_url]: Alertmanager's own JSON
#   HEARTBEAT_URL                or HEARTBEAT_URL_FILE [heartbeat_url]: called every 5 min while alerting works
#   ALERT_LANGUAGE               en (default) or pt-BR
#   GRAFANA_URL                  where people reach Grafana, for the links in the messages
#   TZ                           time zone of the times in the messages
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
source=${ALERTMANAGER_SOURCE:-$here/alertmanager.yml}
out=${ALERTMANAGER_RENDERED:-/tmp/alertmanager}
secrets=${SECRETS:-/run/secrets}
language=${ALERT_LANGUAGE:-en}
grafana=${GRAFANA_URL:-http://localhost:3000}
alertmanager=${ALERTMANAGER:-alertmanager}

fail() { echo "start.sh: $*" >&2; exit 1; }

# A value for YAML, between single quotes.
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

# A line break would end what quote puts between them.
for name in NTFY_URL NTFY_TOKEN_FILE TELEGRAM_BOT_TOKEN_FILE EMAIL_TO EMAIL_FROM SMTP_HOST SMTP_USER SMTP_PASSWORD_FILE \
  SLACK_WEBHOOK_URL_FILE SLACK_CHANNEL DISCORD_WEBHOOK_URL_FILE WEBHOOK_URL WEBHOOK_URL_FILE HEARTBEAT_URL \
  HEARTBEAT_URL_FILE GRAFANA_URL; do
  eval "value=\${$name:-}"
  case $value in *"
"*) fail "$name has a line break" ;; esac
done

# secret NAME FILE: the file of a secret, or nothing. What is named and cannot be read is an error, not a silent channel.
secret() {
  eval "named=\${$1:-}"
  if [ -n "$named" ]; then
    [ -r "$named" ] || fail "$1 names $named, which cannot be read"
    printf %s "$named"
  elif [ -s "$secrets/$2" ]; then
    [ -r "$secrets/$2" ] || fail "$secrets/$2 cannot be read; check its owner and mode"
    printf %s "$secrets/$2"
  fi
}

# address NAME VALUE: what Alertmanager takes for an address. The value is not shown, it may be a secret.
address() {
  case $2 in
    *" "*) ;;
    http://[!/]* | https://[!/]*) return ;;
  esac
  fail "$1 is not an address: http://host or https://host, with a port and a path as needed"
}

# secret_address NAME FILE: a secret's file as above, which holds an address.
secret_address() {
  found=$(secret "$1" "$2") || exit 1
  [ -n "$found" ] || return 0
  read -r content <"$found" || [ -n "$content" ] || fail "$found is empty"
  address "$found" "$content"
  printf %s "$found"
}

# smarthost VALUE: host:port; an IPv6 address in brackets.
smarthost() {
  port=${1##*:} host=${1%:*}
  case $host in "$1" | "") host=bad ;; \[*:*\]) host= ;; *:* | *" "*) host=bad ;; *) host= ;; esac
  case $port in "" | *[!0-9]* | ??????*) host=bad ;; esac
  [ -z "$host" ] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] ||
    fail "SMTP_HOST is not host:port, e.g. smtp.example.org:587"
}

# This Alertmanager's version, e.g. 0.25; nothing if it is not here (--render).
version=""
if command -v "$alertmanager" >/dev/null 2>&1; then
  version=$("$alertmanager" --version 2>&1 | sed -n 's/^alertmanager, version \([0-9]*\.[0-9]*\).*/\1/p')
fi

# needs MINOR WHAT: ends if this Alertmanager is older than 0.MINOR; it would only say which line it does not know.
needs() {
  case $version in 0.*) [ "${version#0.}" -ge "$1" ] || fail "$2 needs Alertmanager 0.$1 or newer, this is $version" ;; esac
}

[ -r "$source" ] || fail "$source cannot be read"
[ -r "$here/templates/$language.tmpl" ] || fail "ALERT_LANGUAGE is $language; there are en and pt-BR"
address GRAFANA_URL "$grafana"
for argument in "$@"; do
  case $argument in --web.external-url=*)
    address "ALERTMANAGER_URL (--web.external-url)" "${argument#*=}" ;;
  esac
done

# off CHANNEL SET MISSING [WHERE]: half a channel is none; that is told, and keeps nobody else's alerts.
off() { echo "start.sh: $1 stays off: $2 is set, $3 is not${4:+ ($4)}" >&2; }
if [ -z "${NTFY_URL:-}" ] && [ -n "$(secret NTFY_TOKEN_FILE ntfy_token)" ]; then
  off ntfy "its token" NTFY_URL
fi
if [ -z "${EMAIL_TO:-}" ]; then
  for name in SMTP_HOST SMTP_USER EMAIL_FROM; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || { off e-mail "$name" EMAIL_TO; break; }
  done
fi
if [ -n "${SLACK_CHANNEL:-}" ] && [ -z "$(secret SLACK_WEBHOOK_URL_FILE slack_webhook_url)" ]; then
  off Slack SLACK_CHANNEL "its secret" "SLACK_WEBHOOK_URL_FILE or $secrets/slack_webhook_url"
fi

channels=""
# receiver PRIORITY: the channels of a receiver; the priority is ntfy's, for what fires (recovered is always 2).
receiver() {
  priority=$1
  if [ -n "${NTFY_URL:-}" ]; then
    topic=${NTFY_URL##*/} server=${NTFY_URL%/*}
    case $NTFY_URL in http://?*/?* | https://?*/?*) ;; *) fail "NTFY_URL is not https://server/topic" ;; esac
    [ -n "$topic" ] || fail "NTFY_URL has no topic: https://server/topic"
    needs 32 ntfy
    token=$(secret NTFY_TOKEN_FILE ntfy_token)
    add ntfy webhook_configs "      - url: $(quote "$server")
        send_resolved: true
        timeout: 15s${token:+
        http_config:
          authorization:
            credentials_file: $(quote "$token")}
        # Published as JSON, with title, priority and click address. A text that is a whole YAML document would be sent as
        # its parts; the tab before it makes sure that it is none, and ntfy takes it away.
        payload:
          topic: $(quote "$topic")
          title: \"\\t{{ template \\\"farol.title\\\" . }}\"
          message: \"\\t{{ template \\\"farol.text\\\" . }}\"
          priority: '{{ if .Alerts.Firing }}$priority{{ else }}2{{ end }}'
          click: '{{ template \"farol.link\" . }}'"
  fi
  telegram=$(secret TELEGRAM_BOT_TOKEN_FILE telegram_bot_token)
  if [ -n "$telegram" ] && [ -n "${TELEGRAM_CHAT_ID:-}" ]; then
    case $TELEGRAM_CHAT_ID in *[!0-9-]* | -) fail "TELEGRAM_CHAT_ID is a number, e.g. -1001234567890" ;; esac
    needs 26 Telegram
    add telegram telegram_configs "      - bot_token_file: $(quote "$telegram")
        chat_id: $TELEGRAM_CHAT_ID
        send_resolved: true
        parse_mode: HTML
        message: '{{ template \"farol.telegram\" . }}'"
  elif [ -n "$telegram" ] || [ -n "${TELEGRAM_CHAT_ID:-}" ]; then
    fail "Telegram needs both TELEGRAM_CHAT_ID and its token (TELEGRAM_BOT_TOKEN_FILE or $secrets/telegram_bot_token)"
  fi
  if [ -n "${EMAIL_TO:-}" ]; then
    [ -n "${SMTP_HOST:-}" ] || fail "EMAIL_TO is set, SMTP_HOST is not (host:port)"
    smarthost "$SMTP_HOST"
    case ${SMTP_REQUIRE_TLS:-true} in true | false) ;; *) fail "SMTP_REQUIRE_TLS is true or false" ;; esac
    password=$(secret SMTP_PASSWORD_FILE smtp_password)
    add email email_configs "      - to: $(quote "$EMAIL_TO")
        from: $(quote "${EMAIL_FROM:-$EMAIL_TO}")
        smarthost: $(quote "$SMTP_HOST")${SMTP_USER:+
        auth_username: $(quote "$SMTP_USER")}${password:+
        auth_password_file: $(quote "$password")}
        require_tls: ${SMTP_REQUIRE_TLS:-true}
        send_resolved: true
        headers: {Subject: '{{ template \"farol.title\" . }}'}
        html: '{{ template \"farol.html\" . }}'
        text: '{{ template \"farol.text\" . }}'"
  fi
  slack=$(secret_address SLACK_WEBHOOK_URL_FILE slack_webhook_url)
  if [ -n "$slack" ]; then
    add slack slack_configs "      - api_url_file: $(quote "$slack")${SLACK_CHANNEL:+
        channel: $(quote "$SLACK_CHANNEL")}
        send_resolved: true
        color: '{{ if eq .Status \"resolved\" }}#1a7f4b{{ else if eq .CommonLabels.severity \"critical\" }}#c62828{{ else }}#9a6700{{ end }}'
        title: '{{ template \"farol.title\" . }}'
        title_link: '{{ template \"farol.link\" . }}'
        fallback: '{{ template \"farol.title\" . }}'
        text: '{{ template \"farol.text\" . }}'"
  fi
  discord=$(secret_address DISCORD_WEBHOOK_URL_FILE discord_webhook_url)
  if [ -n "$discord" ]; then
    needs 28 Discord
    add discord discord_configs "      - webhook_url_file: $(quote "$discord")
        send_resolved: true
        title: '{{ template \"farol.title\" . }}'
        message: '{{ template \"farol.text\" . }}'"
  fi
  webhook WEBHOOK webhook "        send_resolved: true"
}

# webhook VARIABLE FILE REST: a plain webhook whose address is a variable, or a secret in a file.
webhook() {
  eval "plain=\${$1_URL:-}"
  file=$(secret_address "$1_URL_FILE" "$2_url")
  if [ -n "$plain" ]; then
    address "$1_URL" "$plain"
    add "$2" webhook_configs "      - url: $(quote "$plain")
$3"
  elif [ -n "$file" ]; then
    needs 26 "$1_URL_FILE"
    add "$2" webhook_configs "      - url_file: $(quote "$file")
$3"
  fi
}

# add CHANNEL KEY TEXT: notes an entry of the present receiver, kinds of the same key together.
add() {
  case " $channels " in *" $1 "*) ;; *) channels="$channels $1" ;; esac
  eval "$2=\"\${$2:-}\$3
\""
}

# flush NAME: the receiver, with what was added.
flush() {
  echo "  - name: $1"
  for key in webhook_configs telegram_configs email_configs slack_configs discord_configs; do
    eval "entries=\${$key:-}"
    [ -z "$entries" ] || printf '    %s:\n%s' "$key" "$entries"
    eval "$key="
  done
}

mkdir -p "$out"
{
  # Paths in the file are relative to it; what is rendered lies elsewhere.
  sed -n -e "s#^  - templates/en\.tmpl\$#  - $here/templates/$language.tmpl\n  - $out/settings.tmpl#" \
    -e "s#^  - templates/#  - $here/templates/#" -e '/^receivers:/q' -e p "$source"
  echo "receivers:"
  flush nobody
  receiver 5; flush critical
  receiver 3; flush warning
  people=$channels
  webhook HEARTBEAT heartbeat "        send_resolved: false"; flush heartbeat
  echo "${people# }" >"$out/channels"
} >"$out/alertmanager.yml.new"
mv "$out/alertmanager.yml.new" "$out/alertmanager.yml"
printf '{{ define "farol.grafana" }}%s{{ end }}\n' "${grafana%/}" >"$out/settings.tmpl"

read -r people <"$out/channels" || true
if [ -n "$people" ]; then
  echo "start.sh: messages go by: $people (in $language)" >&2
else
  echo "start.sh: no receiver is set, so alerts are shown and sent to nobody; README.md of alerts/alertmanager says how" >&2
fi

if [ "${1:-}" = --render ]; then
  echo "$out/alertmanager.yml"
  exit 0
fi
exec "$alertmanager" --config.file="$out/alertmanager.yml" "$@"
