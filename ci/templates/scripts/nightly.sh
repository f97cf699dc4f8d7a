#!/usr/bin/env bash
# Watch the results of last night, and end with the exit code of bisect-run: nightly.sh [OPTIONS of `nightly`]
#
# BISECT_RUN_HOME, BISECT_RUN_PACKAGE  as for install.sh
# BISECT_RUN_OUT       where the files of the night go [bisect-run-out]
# BISECT_RUN_MAX_SIZE  how large the home may become before old environments are removed [100G]
#
# Exit codes: 0 nothing new, 1 a new regression, 3 inconclusive, 4 the ends do not show it, 5 the machine
# failed, 130 and 143 interrupted: the next run resumes it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$("$here/install.sh") || exit 5
"$program" prune --max-size "${BISECT_RUN_MAX_SIZE:-100G}" >&2 || echo "prune failed, which can wait" >&2
exec "$program" nightly --out "${BISECT_RUN_OUT:-bisect-run-out}" "$@"
