#!/bin/sh
# Make docker/.env with passwords that nobody else has: once, readable for its owner only. Compose starts nothing without them.
set -eu
FILE="$(dirname "$0")/.env"
if [ -e "$FILE" ]; then
  echo "$FILE is there already: its passwords are in use. Nothing was changed." >&2
  exit 1
fi
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
DRAFT="$(mktemp "$FILE.XXXXXX")"
{
  echo "# Passwords of this installation. Keep them with the backups, and out of version control."
  for name in POSTGRES_PASSWORD REDIS_PASSWORD FREEAI_METRICS_TOKEN GRAFANA_PASSWORD; do
    echo "$name=$(secret)"
  done
} >"$DRAFT"
ln "$DRAFT" "$FILE" || { rm -f "$DRAFT"; exit 1; }
rm -f "$DRAFT"
echo "Made $FILE."
