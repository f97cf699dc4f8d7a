"""Hostile text has no effect in a terminal, an issue or a CI log."""

from __future__ import annotations

import io
import itertools
import re
import unicodedata
from datetime import UTC, datetime

import pytest
import sample_documents as documents
from markdown_it import MarkdownIt
from rich.console import Console

from bisect_tool.disk_usage.inventory import Inventory
from bisect_tool.json_document.sanitise import sanitise
from bisect_tool.json_document.status import SessionSummary, status_document
from bisect_tool.render.console import render_report
from bisect_tool.render.markdown import code, fence, markdown, prose, table_code
from bisect_tool.render.status import render_session, render_sessions
from bisect_tool.sanitise import clean_line
from bisect_tool.terminal import writer

NOW = datetime(2026, 3, 6, 10, 47, tzinfo=UTC)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
EXPECTED_HTML = {"<details>", "</details>", "<summary>Log excerpt</summary>", "<summary>Trials</summary>"}
ENDING = ["Analysis", "Environment", "Check", "Command to rerun"]
EXPECTED_HEADINGS = {
    "hostile": ["Summary", "Affected tests", "Error", "Bisection", *ENDING],
    "hostile_repro": ["Summary", "Failure rates", "Error", *ENDING],
    "hostile_fixes": ["Summary", "Affected tests", "What was tried", "Error", *ENDING],
}
TABLES = {"hostile": 2, "hostile_repro": 3, "hostile_fixes": 2}


def controls(text):
    """Characters that control a terminal, or hide or reorder others."""
    return [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char != "\n"]


def views():
    hostile = documents.hostile()
    text = " ".join(documents.HOSTILE)
    fields = dict.fromkeys(("session", "command", "repo", "range", "conclusion"), text)
    line = SessionSummary(
        **fields, state="ended", created=NOW.isoformat(), trials=1, logs_bytes=0, logs_pruned=""
    )
    listed = status_document([line], Inventory((), clones=0, store=0, other=0))
    return {
        "report": render_report(hostile),
        "rates": render_report(documents.hostile_repro()),
        "fixes": render_report(documents.hostile_fixes()),
        "session": render_session(hostile, NOW),
        "sessions": render_sessions(listed, NOW),
    }


@pytest.mark.parametrize("view", ["report", "rates", "fixes", "session", "sessions"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_control_character_reaches_the_terminal(printed, view, width):
    assert controls(printed(views()[view], width)) == []


@pytest.mark.parametrize("view", ["report", "rates", "fixes", "session", "sessions"])
def test_only_colours_of_the_report_are_printed(printed, view):
    """With colours the text is the same, so no markup in the corpus had an effect."""
    output = io.StringIO()
    width = 10_000
    Console(file=output, width=width, force_terminal=True, color_system="truecolor").print(
        views()[view], crop=False
    )
    coloured = COLOUR.sub("", output.getvalue())
    assert controls(coloured) == []
    assert "[bold]markup[/bold]" in " ".join(coloured.split())
    assert [line.rstrip() for line in coloured.splitlines()] == printed(views()[view], width).splitlines()


def parsed(text):
    return MarkdownIt("commonmark").enable("table").parse(text)


def headings(tokens):
    return [token.content for before, token in itertools.pairwise(tokens) if before.type == "heading_open"]


@pytest.mark.parametrize("name", EXPECTED_HEADINGS)
def test_markdown_has_no_foreign_markup(name):
    text = markdown(getattr(documents, name)())
    assert controls(text) == []
    tokens = [token for block in parsed(text) for token in (block, *(block.children or ()))]
    kinds = {token.type for token in tokens}
    assert kinds.isdisjoint({"link_open", "image", "hr", "em_open", "code_block"})
    html = [
        line for token in tokens if token.type == "html_block" for line in token.content.split("\n") if line
    ]
    assert set(html) == EXPECTED_HTML
    assert {token.content for token in tokens if token.type == "html_inline"} == {"<code>", "</code>"}
    assert headings(tokens) == EXPECTED_HEADINGS[name]
    assert sum(token.type == "table_open" for token in tokens) == TABLES[name]


def test_headings_of_a_session_without_analysis():
    """Text after an HTML block without an empty line would be part of it."""
    ending = EXPECTED_HEADINGS["hostile"]
    for document in (documents.running(), documents.all_green()):
        expected = [name for name in ending if name not in ("Error", "Analysis", "Check")]
        assert headings(parsed(markdown(document))) == expected


@pytest.mark.parametrize("name", EXPECTED_HEADINGS)
def test_foreign_text_in_markdown_is_code(name):
    """Outside code GitHub would turn `@name` and `#1` into mentions and references."""
    prose = []
    for block in parsed(markdown(getattr(documents, name)())):
        inside = False
        for token in block.children or ():
            if token.type == "html_inline":
                inside = token.content == "<code>"
            elif token.type == "text" and not inside:
                prose.append(token.content)
    text = " ".join(prose)
    assert "Cost" in text
    for mark in ("@", "#", "GH-", "http", "www", "$", "::", "evil"):
        assert mark not in text


@pytest.mark.parametrize("text", documents.HOSTILE)
def test_code_span_is_one_span(text):
    tokens = parsed(f"before {code(text)} after")[1].children
    spans = [token for token in tokens if token.type == "code_inline"]
    shown = clean_line(text).strip()
    assert [token.content for token in spans] == ([shown] if shown else [])
    assert tokens[0].content == ("before " if shown else "before — after")


@pytest.mark.parametrize("text", [*documents.HOSTILE, "1) one", "2. two", "# three", "- four"])
def test_prose_is_one_paragraph_with_code_and_no_markup(text):
    (_, _, _, body, *_) = parsed(f"- {prose(text)}")
    assert body.type == "inline"
    assert {token.type for token in body.children} <= {"text", "code_inline", "html_inline"}
    plain = "".join(token.content for token in body.children if token.type == "text")
    assert not set("@#`*_[]<>&$~").intersection(plain)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("runs of the same commit disagree", "runs of the same commit disagree"),
        ("test_a[4] failed in 6 of 20 runs", "`test_a[4]` failed in 6 of 20 runs"),
        ("fixed by: revert 57c84ff12, pick 0a208d1f5", "fixed by: revert `57c84ff12`, pick `0a208d1f5`"),
        ("run it with `repro --compare`.", "run it with `repro --compare`."),
        ("at every commit (./a b/_c.pth)", "at every commit (`./a b/_c.pth`)"),
        ("f(x) and (g(y)", "`f(x)` and `(g(y)`"),
        ("passed in CI: 12% of 5 runs", "passed in CI: 12% of 5 runs"),
    ],
)
def test_prose_has_code_only_where_needed(text, shown):
    assert prose(text) == shown


@pytest.mark.parametrize("text", documents.HOSTILE)
def test_table_cell_keeps_its_row_together(text):
    rows = parsed(f"| a | b |\n|---|---|\n| {table_code(text)} | {prose(text)} |\n")
    assert sum(token.type == "td_open" for token in rows) == 2


@pytest.mark.parametrize("text", [*documents.HOSTILE, "`" * 40, "\n```\n"])
def test_fence_holds_everything(text):
    assert [token.type for token in parsed(f"{fence(text)}\n\nafter")] == [
        "fence",
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]


def test_fence_keeps_head_and_tail():
    block = fence("head" + "x" * 50_000 + "tail", limit=1000)
    assert len(block) < 1200
    assert "head" in block
    assert "tail" in block


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::forged", ": :error::forged"),
        ("fine\n  ::add-mask::x\n", "fine\n  : :add-mask::x\n"),
        ("##vso[task.complete]", "## vso[task.complete]"),
        ("a ##[error]b", "a ## [error]b"),
        ("tests/test_a.py::test_b[4]", "tests/test_a.py::test_b[4]"),
    ],
)
def test_ci_runner_sees_no_command(monkeypatch, capsys, line, shown):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    writer.stdout.cache_clear()
    try:
        writer.write(line)
    finally:
        writer.stdout.cache_clear()
    assert capsys.readouterr().out == shown.rstrip("\n") + "\n"


def test_secrets_are_in_no_report(printed):
    canary = "tok-0123456789-canary"
    leaking = documents.document(
        repo=f"https://user:{canary}@github.com/vllm-project/vllm",
        rerun=f"bisect-run --repo https://user:{canary}@github.com/vllm-project/vllm",
        failure=documents.FAILURE.model_copy(update={"excerpt": f"API_TOKEN={canary}\nsent {canary}"}),
        versions={"engine": canary},
    )
    document = sanitise(leaking, frozenset({canary}))
    for text in (document.to_json(), markdown(document), printed(render_report(document))):
        assert canary not in text
        assert "0123456789" not in text
