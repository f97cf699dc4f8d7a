"""The final fix: a fix that was reverted or did not help is not final."""

import pytest

from bisect_tool.triage.analyse import analyse
from bisect_tool.triage.read_page import read_page


def read(text):
    return analyse(read_page(text))


@pytest.mark.parametrize(
    ("text", "final"),
    [
        (
            (
                "The failure was fixed by #300, but #300 was reverted in #301, so it is back. "
                "Then #302 fixed it again."
            ),
            302,
        ),
        ("Closing as fixed by #30.\n\nUpdate: #30 did not fix it, still failing on main.", None),
        ("Closing as fixed by #30.\n\nStill failing on main, reopening.", None),
        ("Closing as fixed by #30.\n\n#30 didn't help.\n\nFixed by #31.", 31),
        ("Still failing on main.\n\nClosing as fixed by #30.", 30),
        ("Closing as fixed by #30.\n\nIs it still failing?", 30),
        ("Fixed by #30.\n\n#30 was reverted.\n\nNow fixed by #30 once more.", 30),
        ("Caused by #10. Reverted in #20.", 20),
        ("Caused by #10. Reverted in #20. Re-landed in #21.", 21),
        ("Caused by #10.\n\n#10 was reverted in #20. It was re-landed in #21.", 21),
        ("Caused by #10. It will be reverted in #20.", None),
        ("Fixed by #30. It was reverted in #31.", None),
        ("Caused by #10. Fixed in #20. Not fixed: still red after #20.", None),
        ("As with #50, which was reverted in #51.", None),
    ],
)
def test_final_fix(text, final):
    assert read(text).final == final


def test_roles_of_changes_after_a_fix():
    found = read("It was fixed by #300, but #300 was reverted in #301. Then #302 fixed it again.")
    assert [(each.pull, each.role, each.reverts) for each in found.fix_candidates] == [
        (300, "fix", ()),
        (301, "revert", (300,)),
        (302, "fix", ()),
    ]
    assert found.suspects == ()


def test_revert_and_reland_in_sentences():
    found = read("Caused by #10. Reverted in #20. Re-landed in #21.")
    assert [(each.pull, each.role, each.landed) for each in found.fix_candidates] == [
        (20, "revert", True),
        (21, "reland", True),
    ]
    assert [each.pull for each in found.suspects] == [10]
