"""docs/how-to/own-scenario.md works as written: its files, its commands, its output."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "own-scenario.md"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(?P<path>[\w./]+)`[.:]")


def blocks(heading):
    """The code blocks of a section, with the file that the paragraph before each one names, or empty."""
    text = PAGE.read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)[1]
    for block in BLOCK.finditer(section):
        paragraph = section[: block.end("before")].rpartition("\n\n")[2]
        named = FILE.match(paragraph)
        yield block["kind"], named["path"] if named else "", block["text"]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Run commands in an empty folder as a reader would, with this tool on the path."""
    home = tmp_path / "home"
    names = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A"}
    env = {
        **os.environ,
        **names,
        "GIT_COMMITTER_EMAIL": "a@b",
        "BISECT_RUN_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "120",
    }

    def run(commands, folder):
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


@pytest.mark.slow
def test_engine_with_json_logs(tmp_path, shell):
    *steps, (_, _, promised) = blocks("An engine with JSON logs")
    printed = ""
    for kind, path, text in steps:
        if path:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        else:
            assert kind == "bash"
            printed = shell(text, tmp_path)
    assert "kiln: 1 profile, 1 cell: ok" in printed
    for line in _stable(promised):
        assert line in _stable(printed)


def _stable(text):
    """The lines without ids, times and blanks."""
    lines = (re.sub(r"\b[0-9a-f]{9}\b|[-+]\d+\.\d+ s|[├└─│]", "", line) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip() != "..."]
