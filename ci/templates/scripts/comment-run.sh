#!/usr/bin/env bash
# Bisect what comment-parse.sh accepted, and write the answer: comment-run.sh [OPTIONS of `run`]
#
# GOOD, BAD, CELLS  as comment-parse.sh wrote them
# JOB_URL           the address of this job, for an answer without a report
# BISECT_RUN_HOME, BISECT_RUN_PACKAGE  as for install.sh
# BISECT_RUN_OUT    the folder for answer.json and answer.md [bisect-run-out]
#
# The exit code is that of bisect-run. There is an answer after every one.
set -euo pipefail
trap : INT TERM  # bisect-run gets the signal as well; the answer is still written
here=$(cd "$(dirname "$0")" && pwd)
out=${BISECT_RUN_OUT:-bisect-run-out}
rm -rf "$out"
mkdir -p "$out"

report() {
  local session
  session=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["session"])' < "$out/answer.json")
  "$program" report "$session" --markdown
}

read -ra patterns <<< "${CELLS:-}"
words=(run --good "$GOOD" --bad "$BAD" --json)
for pattern in ${patterns[@]+"${patterns[@]}"}; do
  words+=(--cells "$pattern")
done

code=5
if program=$("$here/install.sh"); then
  code=0
  "$program" "${words[@]}" "$@" > "$out/answer.json" || code=$?
fi
case $code in
  0 | 3 | 4) report > "$out/answer.md" ;;
  2) echo "\`/bisect\`: one of the commits or cells is not known. See the [log]($JOB_URL)." > "$out/answer.md" ;;
  *) echo "\`/bisect\` ended with exit code $code. See the [log]($JOB_URL)." > "$out/answer.md" ;;
esac
exit "$code"
