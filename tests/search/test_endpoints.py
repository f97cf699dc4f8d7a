"""What runs at both ends say of a cell."""

from __future__ import annotations

import pytest

from bisect_tool.search import Endpoints, EndState
from bisect_tool.verdict import Verdict

WORDS = {"g": Verdict.GOOD, "b": Verdict.BAD, "s": Verdict.SKIP}


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        ("gg", "bb", EndState.RED),
        ("g", "b", EndState.RED),
        ("gs", "sb", EndState.RED),
        ("gg", "gg", EndState.GREEN),
        ("bb", "bb", EndState.ALWAYS_RED),
        ("bb", "gg", EndState.INVERTED),
        ("gg", "gb", EndState.FLAKY),
        ("gb", "bb", EndState.FLAKY),
        ("", "gb", EndState.FLAKY),
        ("gg", "", EndState.UNKNOWN),
        ("", "bb", EndState.UNKNOWN),
        ("ss", "bb", EndState.UNKNOWN),
        ("gg", "ss", EndState.UNKNOWN),
    ],
)
def test_states(good, bad, state):
    ends = Endpoints.of((WORDS[word] for word in good), (WORDS[word] for word in bad))
    assert ends.state is state
    assert ends.good_runs.skipped == good.count("s")
