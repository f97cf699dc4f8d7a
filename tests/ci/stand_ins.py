"""Stand-ins for programs on PATH, and the arguments of their calls."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "ci" / "templates"
SCRIPTS = TEMPLATES / "scripts"
PATH = "/usr/local/bin:/usr/bin:/bin"
_RECORD = """#!/usr/bin/python3
import json, sys
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
"""


@dataclass(frozen=True)
class Place:
    """A working folder with the scripts in .bisect-run, as a team has them, and a folder of stand-ins."""

    folder: Path

    @property
    def programs(self):
        return self.folder / "programs"

    @property
    def calls(self):
        """The arguments of each call of a stand-in, in order."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def stand_in(self, name, code=""):
        """Put a program on PATH that records how it is called, and then runs some Python."""
        program = self.programs / name
        program.write_text(_RECORD.format(calls=str(self.folder / "calls"), name=name) + code)
        program.chmod(0o755)
        return program

    def run(self, *words, **variables):
        """Run a program in the folder, with these variables and few others."""
        return subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def environment(self, **variables):
        fixed = {"PATH": f"{self.programs}:{PATH}", "BISECT_RUN_HOME": str(self.folder / "home")}
        return {**fixed, "BISECT_RUN_PACKAGE": "", **variables}
