"""What a culprit changes, and the runs at its parents."""

from __future__ import annotations

import io

import pytest
import sample_documents as documents
from rich.console import Console

from bisect_tool.git import Changes
from bisect_tool.git.changes import FileChange, FilePin
from bisect_tool.git.requirement_pins import Pin
from bisect_tool.json_document.culprits import culprit_report, merge_itself, parent_runs
from bisect_tool.json_document.document import ParentRuns
from bisect_tool.render.console import render_report
from bisect_tool.render.culprits import diffstat, file_lines, merged
from bisect_tool.render.markdown import markdown

CELL = documents.RED_CELLS[0]
FILES = (FileChange("a.py", 3, 1), FileChange("b.png"), FileChange("c.py", 4, 0))
PIN = FilePin("requirements.txt", Pin("torch", "torch==2.9.0", "torch==2.10.0"))


def ran(sha, outcome):
    return documents.trial(sha, "confirm", {CELL: outcome, "other": "failed"})


def test_changes_of_a_culprit_are_counted_and_limited():
    many = tuple(FileChange(f"f{number}", 1, 2) for number in range(300))
    report = culprit_report((), Changes((*FILES, *many), (PIN,), "a note"), itself=False)
    assert (len(report.files), report.files_total, report.added, report.removed) == (200, 303, 307, 601)
    assert report.files[1].added is None
    assert [(pin.file, pin.old, pin.new) for pin in report.pins] == [
        ("requirements.txt", "torch==2.9.0", "torch==2.10.0")
    ]
    assert report.note == "a note"


def test_parents_have_the_runs_of_the_culprit_s_cells():
    trials = (ran("p", "passed"), ran("p", "passed"), ran("q", "failed"))
    assert parent_runs(("p", "q", "r"), (CELL,), trials) == (
        ParentRuns(sha="p", trials=2, runs=2, failed=0),
        ParentRuns(sha="q", trials=1, runs=1, failed=1),
        ParentRuns(sha="r", trials=0, runs=0, failed=0),
    )


@pytest.mark.parametrize(
    ("parents", "outcomes", "fix", "text"),
    [
        ("p", {"p": "passed"}, False, ""),
        (
            "pq",
            {"p": "passed", "q": "passed"},
            False,
            "both parents pass, so the merge itself is the culprit",
        ),
        (
            "pqr",
            {"p": "passed", "q": "passed", "r": "passed"},
            False,
            "all 3 parents pass, so the merge itself is the culprit",
        ),
        ("pq", {"p": "failed", "q": "failed"}, True, "both parents fail, so the merge itself is the culprit"),
        ("pq", {"p": "passed", "q": "failed"}, False, ""),
        ("pq", {"p": "passed"}, False, ""),
        ("pq", {"p": "passed", "q": "errored"}, False, ""),
        ("px", {"p": "passed"}, False, "both parents are good, so the merge itself is the culprit"),
        ("px", {"p": "failed"}, True, "both parents are bad, so the merge itself is the culprit"),
        ("", {}, False, ""),
    ],
)
def test_merge_itself_is_the_culprit_if_no_parent_is(parents, outcomes, fix, text):
    """A parent outside the range (`x`) need not run: it is an end, or an ancestor of one."""
    trials = tuple(ran(sha, outcome) for sha, outcome in outcomes.items())
    seen = parent_runs(tuple(parents), (CELL,), trials)
    itself = merge_itself(seen, ("p", "q", "r"), fix=fix)
    report = culprit_report(seen, Changes(), itself=itself)
    assert itself is bool(text)
    assert merged(documents.document(find="fix" if fix else "regression"), report) == text


def test_merge_that_differs_from_no_parent_is_explained():
    report = documents.changed(parents=("p", "q"), merge_itself=True)
    assert diffstat(report) == "no file differs from every parent: the merged sides are incompatible"
    assert diffstat(documents.changed(note="it cannot be read")) == "it cannot be read"
    assert diffstat(documents.changed()) == "no files"


def test_root_commit_has_no_last_good_commit(printed):
    document = documents.root()
    assert "none, because the first bad commit is a root commit" in printed(render_report(document))
    assert "Last good: none, because the first bad commit is a root commit" in markdown(document)


def test_commits_are_links_on_a_terminal():
    def shown(**more):
        output = io.StringIO()
        Console(file=output, width=100, **more).print(render_report(documents.culprit()))
        return output.getvalue()

    page = f"{documents.REPO}/commit/{documents.PARENT}"
    assert page in shown(force_terminal=True, color_system="truecolor")
    assert "\x1b" not in shown(color_system=None)
    assert page not in shown(color_system=None)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (FileChange("run", 0, 0, mode="100755 -> 100644"), "mode 100755 -> 100644"),
        (FileChange("run", 2, 0, mode="100755 -> 100644"), "+2 -0, mode 100755 -> 100644"),
        (FileChange("empty", 0, 0), "+0 -0"),
        (FileChange("a.png"), ""),
    ],
)
def test_how_a_file_changed(change, text):
    report = culprit_report((), Changes((change,)), itself=False)
    assert file_lines(report) == (((change.path, text),), 0)
