"""Help and usage errors do not wait for what a command would run."""

import subprocess
import sys

from bisect_tool.cli.dispatch import command_line

HEAVY = (
    "numpy",
    "jinja2",
    "requests",
    "psutil",
    "bisect_tool.evidence",
    "bisect_tool.git",
    "bisect_tool.results",
    "bisect_tool.scenario",
    "bisect_tool.search",
    "bisect_tool.session",
)
PROGRAM = f"""
import sys
from bisect_tool.cli.dispatch import command_line
app = command_line()
print(len(app.registered_commands), *(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_declaring_the_commands_imports_nothing_that_they_run():
    argv = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(len(command_line().registered_commands))]
