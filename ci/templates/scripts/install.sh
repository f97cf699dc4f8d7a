#!/usr/bin/env bash
# Install bisect-run into a virtual environment beside its home, and print the path of the program.
#
# BISECT_RUN_HOME     the home, in a directory that outlives the job (required)
# BISECT_RUN_PACKAGE  what pip installs, such as bisect-run==0.1.0 [bisect-run]; empty: use the one on PATH
#
# If the package index is down, the version that is installed goes on. Exit code 5: there is none.
set -euo pipefail
# An installer runs code of packages, which has no use for what posts.
unset BISECT_RUN_GITHUB_WRITE_TOKEN BISECT_RUN_BUILDKITE_WRITE_TOKEN BISECT_RUN_SLACK_WEBHOOK
: "${BISECT_RUN_HOME:?set it to a directory that outlives the job}"
package=${BISECT_RUN_PACKAGE-bisect-run}

if [ -z "$package" ]; then
  command -v bisect-run || { echo "bisect-run is not on PATH" >&2; exit 5; }
  exit
fi
tool=$BISECT_RUN_HOME/tool
{
  [ -x "$tool/bin/python" ] || python3 -m venv "$tool"
  "$tool/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$package"
} >&2 || echo "cannot install $package; looking for an installed version" >&2
[ -x "$tool/bin/bisect-run" ] || { echo "bisect-run is not installed" >&2; exit 5; }
echo "$tool/bin/bisect-run"
