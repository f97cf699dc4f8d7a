"""A scenario whose only cell passes if the commit's file `code` has 0, built by a script of the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = """
name = "small"
description = "the commit's own code"
suite = "test_small.py"
repository = "https://example.invalid/small"

[profiles.small]
marker = "code"

[profiles.small.build]
{build}

[profiles.small.launch]
command = ["{{tree}}/code"]
model = "none"

[profiles.small.timeouts]
trial = {trial}
"""

SUITE = """
import json
import os
import time
from pathlib import Path

LOG = Path({log!r})


def write(line):
    with LOG.open("a") as log:
        log.write(line + "\\n")


def test_small():
    code = Path({code}).read_text().strip()
    write(f"{{code}} test")
    ends = time.monotonic() + 60
    while not LOG.with_name(f"{{LOG.name}}.open-{{code}}").exists():
        assert time.monotonic() < ends
        time.sleep(0.02)
    write(f"{{code}} end")
    assert code == "0"
"""

_OF_THE_TREE = 'json.loads(Path(os.environ["BISECT_RUN_LAUNCH"]).read_text())["command"][0]'
"""The fixture `launch` has it, too, but importing its model takes half of the time of a trial."""


def suite(log: Path, code: str = _OF_THE_TREE) -> str:
    """The suite's file; `code` is an expression for the commit's file."""
    return SUITE.format(log=str(log), code=code)


NO_BUILD = 'provider = "none"'
BUILD = """provider = "command"
native = ["native"]
command = [["sh", "{tree}/native", "{out}"]]"""
"""Runs the commit's file `native`: its content decides which commits share an environment."""


def write_scenario(folder: Path, log: Path, build: str = NO_BUILD, trial: float = 90) -> Path:
    """A scenario in `folder` whose suite writes its steps to `log` and waits for `<log>.open-<code>`."""
    folder.mkdir(exist_ok=True)
    (folder / "scenario.toml").write_text(SCENARIO.format(build=build, trial=trial))
    (folder / "test_small.py").write_text(suite(log))
    return folder
