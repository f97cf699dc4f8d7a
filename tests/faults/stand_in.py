"""Stand-in for the command line: runs the spec in a file, and prints the result."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianSpec

if __name__ == "__main__":
    spec = GuardianSpec.from_json(Path(sys.argv[1]).read_text())
    sys.stdout.write(run_guarded(replace(spec, env=dict(os.environ))).to_json())
