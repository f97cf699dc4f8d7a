#!/usr/bin/env bash
# Post the answer of comment-run.sh: comment-answer.sh FILE
#
# ISSUE, GITHUB_REPOSITORY, JOB_URL  set by the workflow
# GH_TOKEN  may write to issues
set -euo pipefail
limit=60000  # bytes; GitHub refuses comments of more than 65,536 characters

post=$(mktemp)
trap 'rm -f "$post"' EXIT
if [ ! -s "$1" ]; then
  echo "\`/bisect\` was interrupted. See the [log]($JOB_URL)." > "$post"
elif [ "$(wc -c < "$1")" -le "$limit" ]; then
  cp "$1" "$post"
else
  printf 'The whole report is an artifact of [the job](%s). Its beginning:\n\n' "$JOB_URL" > "$post"
  head -c "$limit" "$1" | iconv -c -f UTF-8 -t UTF-8 >> "$post" || true  # a letter may be cut
  printf '\n' >> "$post"
fi
gh issue comment "$ISSUE" --repo "$GITHUB_REPOSITORY" --body-file "$post"
