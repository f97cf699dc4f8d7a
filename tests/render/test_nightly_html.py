"""The page of a night: its content, that it is self-contained, and that untrusted text is escaped."""

from __future__ import annotations

import html
import re
import unicodedata
from html.parser import HTMLParser

import pytest
import sample_documents as documents
from sample_nights import CELLS, candidates, cause, cell, hostile, night
from test_golden import compare

from bisect_tool.json_document.nightly import CommitRuns
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.nightly_html import cause_html, nightly_html

OURS = "https://github.com/vllm-project/vllm/"
VOID = {"meta", "br", "rect"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section"),
    *("article", "h1", "h2", "h3", "p", "a", "span", "time", "code", "pre", "br", "ul", "ol", "li"),
    *("dl", "dt", "dd", "details", "summary", "svg", "rect"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "href", "id", "class", "datetime"),
    *("viewbox", "preserveaspectratio", "role", "aria-label", "x", "width", "height"),
}


class Page(HTMLParser):
    """The elements of a page; it fails if one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.links, self.anchors = set(), set(), [], set()
        self.open, self.text = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.add(tag)
        self.attributes |= given.keys()
        self.links += [given["href"]] if "href" in given else []
        self.anchors |= {f"#{given['id']}"} if "id" in given else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def visible_text(self):
        return " ".join("".join(self.text).split())


def whole():
    return night(cause(), candidates("open", fingerprint="b"), cause("fixed", fingerprint="c"))


def evil_nights():
    document = hostile()
    evil, held = document.causes
    text = evil.exception
    yield document
    yield night(
        evil.model_copy(update={"state": "fixed", "fixed_by": text, "note": text, "document": None}),
        held.model_copy(update={"culprit": text, "good": text, "bad": text, "candidates": (text,)}),
        repo=text,
        commit=text,
        created=text,
        version=text,
    )


def test_page_of_a_night_matches_its_golden_file():
    compare("night.html", nightly_html(whole()))


def test_page_of_a_hostile_night_matches_its_golden_file():
    compare("night-hostile.html", nightly_html(hostile()))


@pytest.mark.parametrize("document", [whole(), night(), night(cells=()), *evil_nights()])
def test_page_is_self_contained_and_runs_nothing(document):
    text = nightly_html(document)
    page = Page(text)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert {each for each in page.links if not each.startswith(OURS)} <= page.anchors
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import", text)


@pytest.mark.parametrize("document", [*evil_nights()])
def test_foreign_text_is_escaped_in_html(document):
    text = nightly_html(document)
    assert [each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs") and each != "\n"] == []
    assert "<script>alert(1)</script>" not in text
    assert "<script>alert(1)</script>" in Page(text).visible_text
    assert "{{ 7 * 7 }}" in Page(text).visible_text


def test_page_of_a_night_without_causes():
    page = Page(nightly_html(night(cells=(cell(),), exit_code=0)))
    assert "Causes of failures: none; 1 of 1 cell passed." in page.visible_text
    assert "article" not in page.tags


RECENT = tuple(
    CommitRuns(commit=f"{number}" * 40, passed=passed, failed=failed)
    for number, (passed, failed) in enumerate([(2, 0), (1, 1), (0, 0), (0, 3)])
)


def test_a_cell_has_a_strip_of_its_newest_commits():
    cells = (cell(CellStatus.STILL_RED, "test_b", recent=RECENT), cell(name="test_a"))
    text = nightly_html(night(cause(cells=("test_b",)), cells=cells))
    assert text.count('<svg class="strip" viewBox="0 0 4 1" role="img"') == 2  # of the cause, and of the cell
    assert 'aria-label="failed at 2 of the newest 4 commits"' in text
    strip = text[text.index('<svg class="strip"') :]
    rects = re.findall(r'<rect class="([\w-]+)" x="(\d)" width="1" height="1"><title>([^<]*)', strip)
    assert rects[:4] == [
        ("green", "0", "000000000: 2 passed"),
        ("flaky", "1", "111111111: 1 passed and 1 failed"),
        ("infrastructure", "2", "222222222: the infrastructure failed"),
        ("still-red", "3", "333333333: 3 failed"),
    ]
    page = Page(text)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES


def test_page_of_a_cause():
    document = night(cause(), candidates("open", fingerprint="b"), notes=("A file is damaged.",))
    page = Page(cause_html(document, document.causes[0]))
    assert page.text.count("Evidence") == 1
    assert (
        "New: test_external_lb_server_info[4] and 2 more cells failing since 27066d1b2" in page.visible_text
    )
    assert "A file is damaged." in page.visible_text
    assert "Still red" not in page.visible_text
    assert {"#new", "#still-red"}.isdisjoint(page.anchors)


@pytest.mark.parametrize("document", [*evil_nights()])
def test_the_page_of_a_hostile_cause_runs_nothing(document):
    for each in document.causes:
        page = Page(cause_html(document, each))
        assert page.tags <= TAGS
        assert page.attributes <= ATTRIBUTES


def test_many_cells_are_folded():
    cells = tuple(cell(CellStatus.NEW, f"test[{number}]") for number in range(20))
    text = nightly_html(night(cells=cells))
    assert "<summary>and 8 more</summary>" in text
    assert text.count("<code>gpu: test[") == 20


def test_the_bar_has_a_part_for_each_status():
    text = nightly_html(night(cells=(*CELLS, cell(name="test_h"))))
    parts = re.findall(r'<rect class="([\w-]+)" x="([\d.]+)" width="([\d.]+)"', text)
    assert len(parts) == len(CellStatus) - 1
    assert sum(float(width) for *_, width in parts) == pytest.approx(100, abs=0.1)
    assert parts[-1] == ("green", "77.78", "22.22")


def test_folders_of_this_machine_are_not_shown():
    named = night(
        cause(document=documents.command()),
        watch="/home/ada/runs",
        cells=(cell(CellStatus.NEW, action="bisect-run run --repo /home/ada/vllm"),),
    )
    text = html.unescape(nightly_html(named))
    assert "/home/ada" not in text
    assert "~/runs" in text


def test_a_commit_is_linked_where_the_repository_has_a_page():
    elsewhere = cause(document=documents.culprit().model_copy(update={"origin": "", "repo": "/srv/x"}))
    assert [
        each for each in Page(nightly_html(night(elsewhere, repo="/srv/x"))).links if "#" not in each
    ] == []
    links = Page(nightly_html(night(cause(), repo="/srv/x"))).links
    assert f"{OURS}commit/{night().commit}" in links
    assert f"{OURS}pull/34730" in links
