"""The reports of hand-made documents, word for word.

After a change of wording: `UPDATE_GOLDEN=1 python -m pytest tests/render/test_golden.py`, then read the diff.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sample_documents as documents

from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import markdown
from bisect_tool.render.status import render_session

GOLDEN = Path(__file__).parent / "golden"
ENDINGS = (
    "culprit",
    "two_culprits",
    "merge",
    "root",
    "confirmed",
    "inconclusive",
    "flaky",
    "all_green",
    "command",
    "suspect",
    "shadowed",
    "step",
    "repro",
    "repro_running",
    "fixes",
    "fixes_running",
    "fixes_unfit",
    "many",
    "contrast",
    "hostile",
)
NOW = datetime(2026, 3, 6, 10, 47, tzinfo=UTC)


def compare(name, text):
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("ending", "width"), [*((ending, 80) for ending in ENDINGS), ("culprit", 120)])
def test_terminal_report(printed, ending, width):
    compare(f"{ending}-{width}.txt", printed(render_report(getattr(documents, ending)()), width))


@pytest.mark.parametrize("ending", ENDINGS)
def test_markdown(ending):
    compare(f"{ending}.md", markdown(getattr(documents, ending)()))


def test_running_session(printed):
    compare("running-80.txt", printed(render_session(documents.running(), NOW), 80))


def test_unfinished_session_can_be_resumed_and_names_no_culprit(printed):
    body = markdown(documents.interrupted())
    assert "Not finished: narrowed to 9 commits. Resume the session with" in body
    assert "`bisect-run resume 20260306-101500-1a2b`" in body
    assert "None known yet." in body
    assert "Not finished: narrowed to 9 commits. The session is still running." in markdown(
        documents.running()
    )
    used_up = documents.inconclusive().model_copy(update={"resumable": True})
    assert "commit is not known yet." in markdown(used_up)
    assert "is not known yet; probabilities so far:" in markdown(used_up)
    assert "could not be distinguished" not in markdown(used_up)
    assert f"commit of {documents.RED_CELLS[0]} is not known yet\n" in printed(render_report(used_up))
