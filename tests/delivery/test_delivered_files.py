"""The files of a night."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
import sample_documents as documents
from sample_nights import CELLS, cause, hostile, night

from bisect_tool.json_document.nightly import Cause, NightlyDocument
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.nightly_junit import junit

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def test_folder_has_the_night_and_each_cause(delivery, tmp_path):
    out = tmp_path / "new" / "folder"
    assert delivery(night(cause()), out=str(out)) == [f"results are in {out}"]
    assert sorted(file.name for file in out.iterdir()) == [
        "cause-f1e2d3.html",
        "cause-f1e2d3.json",
        "cause-f1e2d3.md",
        "junit.xml",
        "nightly.html",
        "nightly.json",
        "nightly.md",
    ]
    found = NightlyDocument.model_validate_json((out / "nightly.json").read_text())
    assert found == night(cause())
    assert Cause.model_validate_json((out / "cause-f1e2d3.json").read_text()) == cause()
    assert (out / "nightly.html").read_text().startswith("<!doctype html>")
    assert (out / "cause-f1e2d3.md").read_text().startswith("**Fails** at `5afb387bd`")
    assert "New: test_external_lb_server_info[4] and 2 more cells" in (out / "cause-f1e2d3.html").read_text()


def test_files_of_the_night_before_are_replaced(delivery, tmp_path):
    delivery(night(cause()), out=str(tmp_path))
    delivery(night(cause("fixed")), out=str(tmp_path))
    assert json.loads((tmp_path / "nightly.json").read_text())["causes"][0]["state"] == "fixed"
    assert not list(tmp_path.glob("*.part"))


def test_secrets_are_in_no_file(delivery, tmp_path):
    delivery(night(cause(exception="gh-write-secret")), out=str(tmp_path))
    assert all("gh-write-secret" not in file.read_text() for file in tmp_path.iterdir() if file.is_file())
    assert "***" in (tmp_path / "nightly.md").read_text()


def test_tilde_of_a_folder_is_expanded(delivery, tmp_path, monkeypatch):
    """Configuration files do not expand it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    delivery(night(), out="~/report")
    assert (tmp_path / "report" / "nightly.json").exists()


def test_folder_that_is_a_file_is_an_error(delivery, tmp_path):
    (tmp_path / "out").write_text("mine")
    (line,) = delivery.failing(night(), out=str(tmp_path / "out"))
    assert f"cannot write to {tmp_path / 'out'}: File exists. Check the disk space" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_fingerprint_invalid_as_file_name_is_hashed(delivery, tmp_path):
    delivery(night(cause(fingerprint="../../x")), out=str(tmp_path / "out"))
    assert len(list((tmp_path / "out").glob("cause-*.md"))) == 1


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own


def suites(document):
    return parsed(junit(document)).findall("testsuite")


def results(suite):
    for case in suite.findall("testcase"):
        element = next(iter(case), None)
        yield case.get("name"), "passed" if element is None else element.tag


def test_junit_has_a_case_for_each_cell_and_known_failures_apart():
    tested, known = suites(night(cause()))
    assert dict(results(tested)) == {
        "test_a[1]": "passed",
        documents.RED_CELLS[0]: "failure",
        "test_e[5]": "passed",
    }
    assert dict(results(known)) == dict.fromkeys(
        ("test_b[2]", "test_c[3]", "test_d[4]", "test_f[6]", "test_g[7]"), "skipped"
    )
    counts = [
        [each.get(name) for name in ("tests", "failures", "errors", "skipped")] for each in (tested, known)
    ]
    assert counts == [["3", "1", "0", "0"], ["5", "0", "0", "5"]]
    assert [each.get("classname") for each in tested.iter("testcase")] == ["gpu"] * 3


def test_junit_has_reasons():
    tested, known = suites(night(cause()))
    failure = tested.find(".//failure")
    assert failure.get("message") == "new: It is new; culprit 27066d1b2; since 27066d1b2"
    assert (
        failure.text == "test_external_lb_server_info[4] and 2 more cells failing since 27066d1b2 (PR 34730)"
    )
    messages = [each.get("message") for each in known.iter("skipped")]
    assert messages[0] == "still red: It is still red; culprit 0a208d1f5; since 0a208d1f5"
    assert messages[1] == "flaky: It is flaky; 2 of 20 runs failed"


def test_junit_of_hostile_text_is_xml():
    text = junit(hostile())
    assert not ILLEGAL.search(text)
    assert sum(len(each.findall("testcase")) for each in parsed(text)) == len(CellStatus)


@pytest.mark.parametrize("text", [*map(chr, range(32)), "\ufffe", "\uffff", "\ud800", "\x7f", "]]>"])
def test_junit_holds_any_character(text):
    cells = (CELLS[1].model_copy(update={"cell": f"a{text}\nb", "sentence": f"c{text}d"}),)
    (case,) = parsed(junit(night(cells=cells))).iter("testcase")
    assert case.get("name").startswith("a")
    assert case.get("name").endswith("b")
