#!/usr/bin/env bash
# Read a comment `/bisect GOOD BAD [CELLS...]`, and write good, bad and cells to GITHUB_OUTPUT.
#
# COMMENT_BODY, COMMENT_ID, COMMENT_AUTHOR, GITHUB_REPOSITORY, GITHUB_OUTPUT  set by the workflow
# GH_TOKEN  may read the repository's collaborators and react to the comment
#
# The comment is text of anybody: it is only matched, never printed or evaluated. Exit codes: 0 accepted,
# 1 the author may not write to the repository, 2 the first line is no such command.
set -euo pipefail

api=repos/$GITHUB_REPOSITORY
react() {
  gh api --silent -X POST "$api/issues/comments/$COMMENT_ID/reactions" -f content="$1" ||
    echo "cannot react to the comment" >&2
}

[[ $COMMENT_AUTHOR =~ ^[A-Za-z0-9_-]+$ ]] || { echo "no such author" >&2; exit 1; }
permission=$(gh api "$api/collaborators/$COMMENT_AUTHOR/permission" --jq .permission) || permission=none
case $permission in
  admin | write) ;;
  *) echo "only people with write permission may start a bisection" >&2; exit 1 ;;
esac

LC_ALL=C
line=${COMMENT_BODY%%$'\n'*}
line=${line%$'\r'}
revision='[A-Za-z0-9][A-Za-z0-9._/-]{0,99}'
cell='[]A-Za-z0-9_.:*?/[][]A-Za-z0-9_.:*?/[-]{0,199}'
command="^/bisect +($revision) +($revision)(( +$cell){0,8}) *\$"
if ! [[ $line =~ $command ]]; then
  echo "the first line is not /bisect GOOD BAD [CELLS]" >&2
  react confused
  exit 2
fi
{
  echo "good=${BASH_REMATCH[1]}"
  echo "bad=${BASH_REMATCH[2]}"
  echo "cells=${BASH_REMATCH[3]# }"
} >> "$GITHUB_OUTPUT"
react eyes
