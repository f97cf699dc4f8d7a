"""The Markdown of a night and of its causes: its content, and that untrusted text has no effect."""

from __future__ import annotations

import pytest
import sample_documents as documents
from markdown_it import MarkdownIt
from sample_nights import CELLS, candidates, cause, cell, hostile, night

from bisect_tool.checks import CommandCheck
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.nightly_cause import title
from bisect_tool.render.nightly_cause_markdown import change, issue_body, pull_request
from bisect_tool.render.nightly_markdown import cut, nightly_markdown, summary

PULL = "https://github.com/vllm-project/vllm/pull/34730"
SHA = documents.CULPRIT
OURS = "https://github.com/vllm-project/vllm/"


def hostile_texts():
    document = hostile()
    evil, held = document.causes
    yield nightly_markdown(document)
    for each in (evil, held, evil.model_copy(update={"state": "fixed", "fixed_by": SHA, "document": None})):
        yield issue_body(document, each, "paused")
        yield change(document, each, again=True)
    yield pull_request(evil)


def test_foreign_text_of_a_night_is_code():
    """Outside code GitHub would turn `@name` and `#1` into mentions and references."""
    for text in hostile_texts():
        assert_foreign_text_is_code(text)


def assert_foreign_text_is_code(text):
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    prose, inside = [], False
    for token in (each for block in blocks for each in block.children or ()):
        assert token.type != "image"
        if token.type == "link_open":
            assert token.attrs["href"].startswith(OURS)
        if token.type == "html_inline":
            assert token.content in {"<code>", "</code>"}
            inside = token.content == "<code>"
        elif token.type == "text" and not inside:
            prose.append(token.content)
    text = " ".join(prose).replace("#34730", "")
    assert text.strip()
    for mark in ("@", "#", "GH-", "http", "www", "$", "::", "evil"):
        assert mark not in text


def test_red_cells_show_the_failure_chain_of_the_results_that_were_read():
    failure = documents.culprit().failure.model_copy(update={"cells": documents.RED_CELLS, "sha": SHA})
    document = night(failures=(failure,))
    root = f"{failure.root.role}: {failure.root.headline}"
    assert f"- `{root}`" in nightly_markdown(document).splitlines()
    (heading,) = (line for line in nightly_markdown(document).splitlines() if line.startswith("### Why"))
    assert heading == f"### Why `{documents.RED_CELLS[0]}` and 2 more fail at `27066d1b2`"
    _, _, read = issue_body(document, cause(), "paused").partition("in the results that were read:\n\n")
    assert read.splitlines()[1] == root
    other = failure.model_copy(update={"cells": ("another",)})
    assert "in the results that were read" not in issue_body(night(failures=(other,)), cause(), "paused")


def test_night_lists_its_causes_and_cells_that_do_not_pass():
    text = nightly_markdown(
        night(cause("open"), candidates(fingerprint="b"), cause("fixed", fingerprint="c"))
    )
    lines = text.splitlines()
    cells = "`test_external_lb_server_info[4]` and 2 more cells"
    assert lines[:3] == [
        "## Nightly results of `origin/main` at `5afb387bd`",
        "",
        "Watch `main`: causes of failures: 1 new, 1 open, 1 fixed; 2 of 8 cells passed.",
    ]
    assert [line for line in lines if line.startswith("###")] == [
        f"### New: {cells} failing since one of 2 commits",
        f"### Open: {cells} failing since `27066d1b2` (PR 34730)",
        f"### Fixed: {cells}, which had failed since `27066d1b2` (PR 34730)",
        "### Cells that do not pass, or were fixed",
    ]
    assert "- One of: `57c84ff12`, `27066d1b2`" in lines
    assert f"- Culprit: PR [#34730]({PULL}) " in text
    assert "| `gpu: test_c[3]` | flaky, 2 of 20 failed |  |  | It is flaky |" in lines
    assert sum(line.startswith("| `gpu: ") for line in lines) == len(CELLS) - 1


def test_a_green_night_has_no_table():
    assert nightly_markdown(night(cells=(cell(),))).splitlines()[2:] == [
        "Watch `main`: causes of failures: none; 1 of 1 cell passed."
    ]


def test_a_long_table_is_counted():
    cells = tuple(cell(CellStatus.NEW, f"test[{number}]") for number in range(250))
    text = nightly_markdown(night(cells=cells))
    assert text.count("| `gpu: test[") == 200
    assert text.endswith("\nand 50 more cells.\n")


def test_folders_of_this_machine_are_not_shown():
    cells = (cell(CellStatus.NEW, action="bisect-run run --repo /home/ada/vllm"),)
    text = nightly_markdown(night(cells=cells))
    assert "It is new; bisect-run run `--repo ~/vllm`" in text


@pytest.mark.parametrize("limit", [60, 100, 500, 1000])
def test_a_text_is_cut_between_lines(limit):
    text = nightly_markdown(night(cause()))
    short = cut(text, limit)
    assert len(short.encode()) <= limit
    kept = short.removesuffix("\n\n*The rest was omitted: it is too long for this page.*\n")
    assert text.startswith(kept)
    assert not kept or text[len(kept)] == "\n"


def test_a_text_that_fits_is_not_cut():
    assert cut("a\nb\n", 4) == "a\nb\n"
    assert cut("a\nb\n", 3) == ""


def test_summary_counts_passing_cells():
    assert summary(night(cause())) == "causes of failures: 1 new; 2 of 8 cells passed"
    assert summary(night(cells=(cell(), cell(CellStatus.MISSING)))).endswith("1 of 1 cell passed")


def test_cause_that_is_closed_without_a_fix_has_a_reason():
    text = nightly_markdown(night(cause("fixed", fixed_by="", note="Its cells are no longer run.")))
    assert "\n### Closed: " in text
    assert "\n- Its cells are no longer run.\n" in text


def test_title_of_a_command_has_its_words():
    check = CommandCheck(argv=("/home/ann/ci/smoke.sh", "--fast", "/home/ann/x"))
    failing = cause(cells=("command",), document=documents.culprit().model_copy(update={"check": check}))
    assert title(failing) == "smoke.sh --fast ~/x failing since 27066d1b2 (PR 34730)"


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (cause(cells=("test_a",)), "test_a failing since 27066d1b2 (PR 34730)"),
        (cause(cells=("a", "b"), document=None), "a and 1 more cell failing since 27066d1b2"),
        (candidates(cells=("a",)), "a failing since one of 2 commits"),
        (cause(cells=("a",), culprit=""), "a failing since a commit after a97954b6a"),
        (cause(cells=()), "build failing since 27066d1b2 (PR 34730)"),
        (cause(cells=("@all #1",), culprit=""), "\uff20all \uff031 failing since a commit after a97954b6a"),
    ],
)
def test_a_title_names_the_cells_and_the_commit(each, expected):
    assert title(each) == expected


def test_cells_with_another_name_in_the_bisection_are_listed():
    text = issue_body(night(), cause(cells=("t::test_a",), document=documents.command()), "paused")
    assert text.split("\n\n")[1:3] == ["Failing: `t::test_a`.", "## Summary"]


def test_a_home_in_the_name_of_a_watch_is_not_shown():
    named = night(cause(), watch="/home/ada/runs")
    for text in (nightly_markdown(named), issue_body(named, cause(), "paused")):
        assert "ada" not in text
        assert "`~/runs`" in text


def test_without_a_document_an_issue_has_the_facts():
    text = issue_body(night(), cause(document=None, proven=False), "paused")
    assert text.startswith("**Fails** at `5afb387bd` of `origin/main`.\n\n- Cells: ")
    assert "- Suspect: `27066d1b2`\n" in text
    assert "- Range: `a97954b6a` (good) to `5afb387bd` (bad)\n" in text
