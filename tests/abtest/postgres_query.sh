#!/bin/sh
# Runs FOLDER/fill.sql and FOLDER/query.sql in a PostgreSQL server of their own, whose data and socket
# lie in FOLDER; the second one's output goes to FOLDER/rows.csv. As root, goes on as nobody: the
# server refuses to run as root.
#   postgres_query.sh FOLDER
set -e
if [ "$(id -u)" = 0 ]; then
  chown -R nobody "$1"
  exec setpriv --reuid=nobody --clear-groups sh "$0" "$1"
fi
cd "$1"
PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)"
export LC_ALL=C
initdb -D data -U peira -A trust >initdb.log 2>&1
pg_ctl -D data -w -o "-c listen_addresses='' -c fsync=off -k $1" -l server.log start >/dev/null
trap 'pg_ctl -D data -m immediate stop >/dev/null' EXIT
psql -h "$1" -U peira -q -v ON_ERROR_STOP=1 -f fill.sql postgres
psql -h "$1" -U peira -q -v ON_ERROR_STOP=1 -f query.sql postgres >rows.csv
