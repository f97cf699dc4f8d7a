"""Reports of leftovers are short."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.json_document.document import MachineLoad
from bisect_tool.render.console import render_report
from bisect_tool.render.leftovers import LEAKS_TITLE, LEFTOVERS_TITLE, leaks, listed_leftovers
from bisect_tool.render.markdown import markdown

ONE, OTHER = "a" * 40, "b" * 40
FILES = tuple(f"file $TMPDIR/{number}" for number in range(8))


def left(*trials):
    made = (documents.trial(sha, "narrow", {}, leftovers=items) for sha, items in trials)
    return listed_leftovers(documents.document().model_copy(update={"trials": tuple(made)}))


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        ((), (), ()),
        (FILES[:2], FILES[:1], ("file $TMPDIR/0", "file $TMPDIR/1", "file $TMPDIR/0")),
        (FILES[:2], FILES[:2], ("file $TMPDIR/0 and 3 more",)),
        ((*FILES, "file ... and 10 more"), FILES[:1], ("file $TMPDIR/0 and 18 more",)),
        ((*FILES, "file ... and over 992 more"), (), ("file $TMPDIR/0 and over 999 more",)),
        (
            (*FILES, "file ... and 10 more on gpu-07"),
            FILES[:1],
            ("file $TMPDIR/0 and 18 more",),
        ),
        (("shm psm_1", *FILES[:4]), ("port 80",), ("shm psm_1", "file $TMPDIR/0 and 3 more", "port 80")),
    ],
)
def test_many_items_of_a_kind_are_one_line(first, second, lines):
    assert left((ONE, first), (ONE, second)) == tuple((ONE, item) for item in lines)


@pytest.mark.parametrize("suffix", [" (pid 4000)", " (pid 4000) on gpu-07"])
def test_long_command_line_is_shortened_before_the_process_id(suffix):
    (item,) = left((ONE, (f"process python3 {'-x ' * 100}{suffix}",)))
    assert item[1].startswith("process python3 -x")
    assert item[1].endswith(f"…{suffix}")
    assert len(item[1]) < 200


def test_leftovers_of_two_commits_are_listed_separately():
    lines = "file $TMPDIR/0 and 3 more"
    assert left((ONE, FILES[:4]), (OTHER, FILES[:4])) == ((ONE, lines), (OTHER, lines))


CELL = documents.RED_CELLS[0]
BUSY = MachineLoad(busy="CPU pressure 60%", cpus=2, load_before=8.0, load_after=8.0)


def compared(good, bad, **more):
    """A search whose trials at a good and at a bad commit left these items."""
    trials = [documents.trial(documents.GOOD, "narrow", {CELL: "passed"}, leftovers=each) for each in good]
    trials += [
        documents.trial(documents.CULPRIT, "narrow", {CELL: "failed"}, leftovers=each, **more) for each in bad
    ]
    return documents.document(trials=tuple(trials))


def workers(number):
    return [(f"process worker (pid {pid})",) for pid in range(4000, 4000 + number)]


def test_leftover_on_several_nodes_is_one_leftover():
    usual, other = "process usual (pid 1)", "process other (pid 2)"
    left = [(usual, f"process worker (pid 4000) on gpu-{name}") for name in "abcd"]
    (found,) = leaks(compared([(usual, other)] * 4, left))
    assert (found.example, found.bad) == ("process worker (pid 4000) on gpu-a", 4)


def test_leftover_of_bad_commits_only_is_reported():
    (found,) = leaks(compared([()] * 4, workers(4)))
    assert str(found) == (
        "process worker (pid 4000) at 27066d1b2: in 4 of 4 trials at bad commits, 0 of 4 at good ones"
    )


FILES_104 = (*FILES, "file ... and 96 more")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ([FILES_104] * 5, [FILES_104] * 5),
        ([()] * 3, workers(3)),
        ([(), (), (), ("process worker (pid 1)",)], workers(4)),
        ([()] * 4, [*workers(2), (), ()]),
        ([], workers(6)),
        (workers(4), [()] * 4),
    ],
    ids=["as good ones do", "too few", "a good one, too", "not always", "no good one", "only good ones"],
)
def test_leftovers_within_chance_are_not_reported(printed, good, bad):
    document = compared(good, bad)
    assert leaks(document) == ()
    assert "Left behind" not in printed(render_report(document))
    assert "Left behind" not in markdown(document)


def test_one_more_file_among_many_is_found():
    (found,) = leaks(compared([FILES_104] * 5, [(*FILES[1:], "file $TMPDIR/lock", FILES_104[-1])] * 5))
    assert (found.example, found.bad, found.good) == ("file $TMPDIR/lock", 5, 0)


def test_higher_number_of_leftovers_is_found():
    (found,) = leaks(compared([FILES[3:4]] * 5, [FILES_104] * 5))
    assert (found.bad, found.bad_trials, found.good, found.good_trials) == (5, 5, 5, 5)


def test_trials_on_a_busy_machine_do_not_count():
    assert leaks(compared([()] * 4, workers(4), load=BUSY)) == ()


def test_both_reports_have_leftovers_of_bad_commits(printed):
    document = compared([()] * 4, workers(4))
    assert LEAKS_TITLE in printed(render_report(document))
    lines = (
        "- `process worker (pid 4000)` at `27066d1b2`: in 4 of 4 trials at bad commits, 0 of 4 at good ones"
    )
    assert f"{LEAKS_TITLE}:\n\n{lines}\n" in markdown(document)


def test_all_leftovers_of_a_single_commit_are_reported(printed):
    document = compared([], workers(2)).model_copy(update={"good": ()})
    assert f"{LEFTOVERS_TITLE}\n  27066d1b2  process worker (pid 4000)" in printed(render_report(document))
    assert "Left behind by trials (cleaned up): `process worker (pid 4000)`" in markdown(document)


OPTIONS = " ".join(f"--option-{number} 1" for number in range(30))
LONG = f"process python -m refengine serve tiny-moe {OPTIONS}"


def listed():
    """A document that lists what one trial left."""
    trial = documents.trial(documents.CULPRIT, "narrow", {CELL: "failed"}, leftovers=(LONG, "port 80"))
    return documents.document(trials=(trial,)).model_copy(update={"good": ()})


def order_dependent():
    """A document of a cell whose prerequisites left an item."""
    document = documents.culprit()
    report = document.cells[CELL].model_copy(update={"leftovers": (LONG,), "prerequisites": ("other",)})
    return document.model_copy(update={"cells": {CELL: report}})


@pytest.mark.parametrize("document", [listed(), compared([()] * 5, [(LONG,)] * 5), order_dependent()])
def test_a_long_command_line_is_cut_in_reports_and_whole_in_the_document(document, printed):
    for text in (" ".join(printed(render_report(document)).split()), markdown(document)):
        assert "process python -m refengine serve tiny-moe --option-0 1" in text
        assert "--option-9 1" not in text
    assert LONG in document.to_json()
