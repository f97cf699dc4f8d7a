#!/usr/bin/env bash
# Run a command for a service that has only green and red: soft.sh COMMAND [ARGUMENTS]
#
# Exit codes 3 (inconclusive) and 4 (the ends do not show the regression) become 0, with a warning. SIGINT and
# SIGTERM are passed on to the command and its children, and it is waited for: it stores what it has.
set -uom pipefail  # -m: the command leads a process group of its own

"$@" &
child=$!
trap 'interrupted=1; kill -TERM -- "-$child" 2>/dev/null' INT TERM
while true; do
  interrupted='' code=0
  wait "$child" || code=$?
  [ -n "$interrupted" ] || break  # else it was the wait that ended
done
case $code in
  3) echo "::warning title=bisect-run::Inconclusive: see the summary." ;;
  4) echo "::warning title=bisect-run::The good and bad commits do not show the regression." ;;
  *) exit "$code" ;;
esac
