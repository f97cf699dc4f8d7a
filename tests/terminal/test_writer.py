"""The consoles, in subprocesses: their output depends on the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
from rich.text import Text
from bisect_tool.terminal import writer
writer.show(Text("✓ " + "x" * 300, style="bold red", no_wrap=True, overflow="ignore"))
writer.stderr().print(Text("prose", style="red"))
writer.write("{}")
"""
NOTIFY = """
from bisect_tool.terminal.output import notify, print_error
notify("reading supersecretvalue42")
print_error("no supersecretvalue42", "Use another supersecretvalue42.")
"""
CHOICES = (
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "TTY_COMPATIBLE",
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "PYTHONIOENCODING",
)


def run(**variables):
    env = {name: value for name, value in os.environ.items() if name not in CHOICES}
    env |= {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", **variables}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, check=True, timeout=60)
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
def test_plain_without_a_terminal_or_where_colour_is_not_wanted(variables):
    assert run(PYTHONIOENCODING="utf-8", **variables) == (f"✓ {'x' * 300}\n{{}}\n", "prose\n")


def test_no_columns_are_no_width():
    """Some terminals of containers report 0 columns; then nothing would be shown."""
    assert run(PYTHONIOENCODING="utf-8", COLUMNS="0") == (f"✓ {'x' * 300}\n{{}}\n", "prose\n")


def test_character_that_the_encoding_lacks_is_escaped():
    out, _ = run(PYTHONIOENCODING="ascii")
    assert out.startswith("\\u2713 xxx")


def test_secret_is_masked_in_notices_and_errors():
    """In a subprocess, too: a console keeps its first width."""
    argv = (sys.executable, "-c", NOTIFY)
    done = subprocess.run(
        argv,
        env={**os.environ, "MY_TOKEN": "supersecretvalue42"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "error: no ***" in done.stderr
    assert "supersecret" not in done.stderr
