"""What trials left behind is told in few lines."""

from __future__ import annotations

import documents
import pytest

from bisect_tool.report.left_behind import left_behind

ONE, OTHER = "a" * 40, "b" * 40
FILES = tuple(f"file $TMPDIR/{number}" for number in range(8))


def left(*trials):
    made = (documents.trial(sha, "narrow", {}, leftovers=items) for sha, items in trials)
    return left_behind(documents.document().model_copy(update={"trials": tuple(made)}))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((), (), ()),
        (FILES[:2], FILES[:1], ("file $TMPDIR/0", "file $TMPDIR/1", "file $TMPDIR/0")),
        (FILES[:2], FILES[:2], ("file $TMPDIR/0 and 3 more",)),
        ((*FILES, "file ... and 10 more"), FILES[:1], ("file $TMPDIR/0 and 18 more",)),
        ((*FILES, "file ... and over 992 more"), (), ("file $TMPDIR/0 and over 999 more",)),
        (("shm psm_1", *FILES[:4]), ("port 80",), ("shm psm_1", "file $TMPDIR/0 and 3 more", "port 80")),
    ],
)
def test_many_of_a_kind_are_one_line(first, second, told):
    assert left((ONE, first), (ONE, second)) == tuple((ONE, item) for item in told)


def test_commits_are_told_apart():
    told = "file $TMPDIR/0 and 3 more"
    assert left((ONE, FILES[:4]), (OTHER, FILES[:4])) == ((ONE, told), (OTHER, told))
