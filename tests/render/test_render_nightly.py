"""The report and the JSON of what `nightly` decided."""

import json

from bisect_tool.nightly.decision import Bisect, KnownTrials, Nothing, Rate, Rerun, Runs, Wait
from bisect_tool.nightly.reason import Reason
from bisect_tool.render.nightly import render_nightly, to_json
from bisect_tool.sources.observation import CellKey

GOOD, BAD = "a97954b6d" * 4 + "abcd", "5afb387bd" * 4 + "abcd"
A, B, C, D, E, F = (CellKey("results", "gpu", "", f"test_{name}") for name in "abcdef")
SHARD = CellKey("results", "gpu", "2", "test_g", "CUDA=13")
BISECT = Bisect(
    Reason.REGRESSION,
    GOOD,
    BAD,
    (A, B),
    "RuntimeError",
    (KnownTrials(A, GOOD, 2, 0), KnownTrials(A, BAD, 0, 3)),
)
DECISIONS = {
    F: Nothing(Reason.GREEN),
    A: BISECT,
    B: BISECT,
    C: Rerun(Reason.FIRST_FAILURE, (Runs(BAD, 2), Runs(GOOD, 1)), ("gpu-1",)),
    D: Nothing(Reason.FLAKY, rate=Rate(1, 30)),
    E: Nothing(Reason.STILL_RED, culprit=BAD, since=BAD),
    SHARD: Wait(Reason.BISECTING),
}


def test_report_lists_what_has_to_be_done_first():
    assert (
        render_nightly(DECISIONS, "my repo")
        == f"""\
bisect a97954b6d..5afb387bd: RuntimeError
  It passed, and fails since: more often than chance explains.
  - gpu test_a
  - gpu test_b
  bisect-run run --repo 'my repo' --good {GOOD} --bad {BAD}

rerun 5afb387bd 2 times and a97954b6d 1 time, not on gpu-1
  It failed once; a rerun tells a flaky failure from a regression.
  - gpu test_c

wait
  A bisection of its range is running.
  - gpu shard 2 (CUDA=13) test_g

nothing: flaky, 1 of 30 runs failed
  It passes and fails at the same commit.
  - gpu test_d

nothing: still red, culprit 5afb387bd, since 5afb387bd
  Its culprit is known already.
  - gpu test_e

1 cell of 7 passes"""
    )


def test_report_of_many_cells_is_short():
    decisions = {
        CellKey("results", "gpu", "", f"test_{number:02}"): Wait(Reason.PENDING) for number in range(13)
    }
    lines = render_nightly(decisions, ".").split("\n")
    assert lines[-3:] == ["  - and 3 more cells", "", "0 cells of 13 pass"]


def test_json_has_every_cell_with_its_decision():
    document = json.loads(to_json(DECISIONS))
    assert (document["schema"], document["command"]) == (1, "nightly")
    found = {each["cell"]: each for each in document["cells"]}
    assert found["test_a"] == {
        "series": "results",
        "job": "gpu",
        "shard": "",
        "cell": "test_a",
        "environment": "",
        "decision": "bisect",
        "reason": "regression",
        "good": GOOD,
        "bad": BAD,
        "exception": "RuntimeError",
    }
    assert found["test_c"]["runs"] == [{"commit": BAD, "number": 2}, {"commit": GOOD, "number": 1}]
    assert found["test_d"]["rate"] == {"failed": 1, "runs": 30}
    assert (found["test_g"]["shard"], found["test_g"]["environment"]) == ("2", "CUDA=13")
