"""From trials to the document."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import sample_documents as documents

from bisect_tool.checks import CommandCheck
from bisect_tool.errors import ExitCode
from bisect_tool.evidence import Failure, Signature
from bisect_tool.git import Commit, Range
from bisect_tool.json_document.check_warnings import with_doubted_culprits
from bisect_tool.json_document.compose import compose, native_changes
from bisect_tool.json_document.conclusion import conclude
from bisect_tool.json_document.document import Document, NativeChange
from bisect_tool.mode import Bisect
from bisect_tool.planner import CellConclusion, EndCounts, Finding, Purpose, State, Step
from bisect_tool.session.store import TrialRow
from bisect_tool.shadowing import Shadow
from bisect_tool.trial.result import CellResult, GpuUse, Leftover, TrialResult
from bisect_tool.verdict import Outcome

CELL = documents.RED_CELLS[0]
SIGNATURE = Signature(role="EngineCore", exception="Exception", message="WorkerProc failed")
FAILURE = Failure(
    root=documents.CHAIN[0], chain=documents.CHAIN, signature=SIGNATURE, excerpt="worker failed"
)
SCENARIO = """
name = "pinned"
description = "one compiled base for the whole range"
suite = "test_it.py"
repository = "https://example.invalid/engine"

[profiles.cpu]
marker = "engine"
build = { provider = "command", command = [["true"]], native = ["csrc", "setup.py"], base = "wheel" }
launch = { command = ["engine"], model = "tiny" }
"""


def row(number, sha, outcome, **more):
    failure = FAILURE if outcome is Outcome.FAILED else None
    cells = (CellResult(cell=CELL, outcome=outcome, failure=failure),)
    started = f"2026-03-06T10:{number:02}:00.000+00:00"
    fields = {"cells": cells, "outcome": outcome, "started": started, "seconds": 10.0, **more}
    return TrialRow(number, Purpose.NARROW, TrialResult(sha=sha, **fields))


ROWS = (
    row(1, documents.BAD, Outcome.FAILED, environment_reused=False, build_seconds=4.0),
    row(2, documents.GOOD, Outcome.PASSED),
    row(3, documents.PARENT, Outcome.PASSED, leftovers=(Leftover(kind="shm", name="psm_1"),)),
    row(4, documents.CULPRIT, Outcome.FAILED),
)


def conclusion(finding, **more):
    return CellConclusion(CELL, finding, EndCounts(1, 0), EndCounts(1, 1), failure=FAILURE, **more)


def ended(*conclusions):
    return State(None, conclusions, (), 0)


CULPRIT = conclusion(Finding.CULPRIT, culprit=documents.CULPRIT, candidates=(documents.CULPRIT,))


def test_culprit_that_may_be_unseen_is_suspect_and_keeps_its_note():
    request = SimpleNamespace(check=CommandCheck(argv=("python", "test.py")))
    repository = SimpleNamespace(changed_by=lambda shas: dict.fromkeys(shas, ("test.py",)))
    twice = replace(CULPRIT, note="it breaks twice")
    session = SimpleNamespace(request=request, repository=repository)
    (item,) = with_doubted_culprits(
        session, ended(twice), [Shadow("an editable install", folders=("src",))]
    ).conclusions
    assert (item.finding, item.unseen) == (Finding.SUSPECT, True)
    assert item.note.startswith("it breaks twice; the check imports src from your checkout")
    assert with_doubted_culprits(session, ended(twice), [Shadow("a copy")]).conclusions == (twice,)


def test_culprit_comes_with_its_commit_and_its_good_parent(session):
    document = compose(session, ROWS, ended(CULPRIT))
    cell = document.cells[CELL]
    assert cell.culprit == documents.COMMITS[documents.CULPRIT]
    assert cell.last_good == documents.PARENT
    assert document.exit_code == ExitCode.DONE
    assert document.failure.chain == documents.CHAIN
    assert document.failure.sha == documents.CULPRIT
    assert document.candidates_total == 4


def test_document_has_the_failure_of_most_cells_of_a_culprit(session):
    """Cells with another signature are listed."""
    other = FAILURE.model_copy(
        update={"signature": Signature(role="Test", exception="", message="left behind")}
    )
    elsewhere = replace(CULPRIT, cell="z", culprit=documents.PARENT, failure=other)
    cells = (replace(CULPRIT, cell="first", failure=other), CULPRIT, replace(CULPRIT, cell="last"), elsewhere)
    failure = compose(session, ROWS, ended(*cells)).failure
    assert (failure.cell, failure.other_signatures, failure.chain) == (CELL, ("first",), documents.CHAIN)
    alone = compose(session, ROWS, ended(CULPRIT, elsewhere)).failure
    assert (alone.cell, alone.other_signatures) == (CELL, ())


def test_untested_parent_is_not_the_last_good_commit(session):
    rows = tuple(row for row in ROWS if row.result.sha != documents.PARENT)
    assert compose(session, rows, ended(CULPRIT)).cells[CELL].last_good is None


def test_every_mentioned_commit_is_described(session):
    skipped = ((documents.BROKEN, "does not build"),)
    held = conclusion(Finding.CANDIDATES, candidates=(documents.PARENT, documents.CULPRIT), skipped=skipped)
    document = compose(
        session, ROWS, ended(held), (NativeChange(sha=documents.BROKEN, paths=("csrc/a.cpp",)),)
    )
    assert document.commits == documents.COMMITS
    assert document.exit_code == ExitCode.INCONCLUSIVE


def test_trials_have_their_start_time(session):
    document = compose(session, ROWS[:2], ended(CULPRIT))
    assert [trial.started[11:16] for trial in document.trials] == ["10:01", "10:02"]


def test_stored_document_may_lack_fields_added_later(session):
    content = compose(session, ROWS, ended(CULPRIT)).model_dump(by_alias=True)
    for trial in content["trials"]:
        del trial["started"], trial["timeline"]
    trials = Document.model_validate(content).trials
    assert {(trial.started, trial.timeline) for trial in trials} == {("", ())}


def test_a_stored_trial_may_lack_its_timeline():
    content = row(1, documents.BAD, Outcome.PASSED, timeline=documents.timeline(1.0, 2.0)).result.model_dump()
    del content["timeline"]
    assert TrialResult.model_validate(content).timeline == ()


def test_a_trial_s_timeline_is_in_the_document(session):
    timeline = documents.timeline(1.0, 2.0)
    document = compose(session, (row(1, documents.BAD, Outcome.PASSED, timeline=timeline),), ended())
    assert document.trials[0].timeline == timeline


def test_cost_and_leftovers(session):
    document = compose(session, ROWS, ended(CULPRIT))
    assert (document.cost.trials, document.cost.builds, document.cost.seconds) == (4, 1, 40.0)
    assert [trial.leftovers for trial in document.trials] == [(), (), ("shm psm_1",), ()]


def test_round_trip(session):
    document = compose(session, ROWS, ended(CULPRIT))
    assert Document.model_validate_json(document.to_json()) == document


def test_leftovers_are_those_of_the_trial_with_the_fewest_cells(session):
    """Of an order-dependent cell; longer trials have leftovers of other cells, too."""

    def ran(number, *cells, outcome=Outcome.FAILED):
        results = tuple(CellResult(cell=cell, outcome=Outcome.PASSED) for cell in cells)
        results += (CellResult(cell=CELL, outcome=outcome),)
        left = (Leftover(kind="file", name=f"$TMPDIR/{number}"),)
        return row(number, documents.BAD, outcome, cells=results, leftovers=left)

    rows = (
        ran(1, "other", "needed", "third"),
        ran(2, "needed", outcome=Outcome.PASSED),
        ran(3, "other"),
        ran(4, "needed"),
        ran(5, "needed"),
    )
    needing = replace(CULPRIT, prerequisites=("needed",))
    assert compose(session, rows, ended(needing)).cells[CELL].leftovers == ("file $TMPDIR/4",)
    assert compose(session, rows, ended(CULPRIT)).cells[CELL].leftovers == ()
    assert compose(session, rows[1:3], ended(needing)).cells[CELL].leftovers == ()


def test_texts_are_cleaned_and_secrets_masked(session, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "canary-0123456789")
    reason = "\x1b[31mcannot reach https://me:canary-0123456789@example.invalid\x07 with canary-0123456789"
    document = compose(session, (row(1, documents.BAD, Outcome.ERRORED, reason=reason),), ended())
    assert document.trials[0].reason == "cannot reach https://***@example.invalid with ***"
    assert "canary" not in document.to_json()


@pytest.mark.parametrize("secret", ["schema", "failed", "culprit", "command", "finding", "error"])
def test_secret_may_equal_a_word_of_the_schema(session, monkeypatch, secret):
    monkeypatch.setenv("SORT_KEY", secret)
    document = compose(session, ROWS, ended(CULPRIT))
    assert Document.model_validate_json(document.to_json()) == document
    assert document.cells[CELL].finding == "culprit"


def test_unfinished_session_is_resumable(session):
    step = State(Step(documents.PARENT, None, Purpose.NARROW), (), (documents.PARENT, documents.CULPRIT), 2)
    document = compose(session, ROWS[:2], step)
    assert document.exit_code == ExitCode.INTERRUPTED
    assert document.conclusion == "not finished: narrowed to 2 commits"
    doubtful = compose(session, ROWS[:2], replace(step, disagreement="runs disagree"))
    assert doubtful.conclusion == "not finished: runs disagree, 2 likely commits"


@pytest.mark.parametrize(
    ("budget", "again"),
    [
        ({"trials": 4}, "with"),
        ({"trials": 3}, "without"),
        ({"minutes": 3.0}, "with"),
        ({"minutes": 2.9}, "without"),
    ],
)
@pytest.mark.parametrize("state", [ended(CULPRIT), replace(ended(), stopped=True)])
def test_rerun_line_has_no_budget_that_was_exceeded(session, budget, again, state):
    """Four trials, a minute apart: shared trials do not count towards the budget."""
    mode = Bisect(goods=session.request.goods, rerun_unlimited="without", budget=budget)
    rerun_session = replace(
        session, request=session.request.model_copy(update={"rerun": "with", "mode": mode})
    )
    shared = replace(row(0, documents.BAD, Outcome.FAILED), shared=True)
    assert compose(rerun_session, (shared, *ROWS), state).rerun == again


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ((Finding.CULPRIT, Finding.GREEN), ExitCode.DONE),
        ((Finding.CULPRIT, Finding.FLAKY), ExitCode.DONE),
        ((Finding.CULPRIT, Finding.CANDIDATES), ExitCode.INCONCLUSIVE),
        ((Finding.GREEN, Finding.FLAKY), ExitCode.INCONCLUSIVE),
        ((Finding.GREEN,), ExitCode.ENDPOINTS),
        ((Finding.GREEN, Finding.ALWAYS_RED), ExitCode.ENDPOINTS),
        ((Finding.UNVERIFIED,), ExitCode.ENDPOINTS),
    ],
)
def test_exit_code_follows_from_the_findings(findings, code):
    assert conclude(ended(*(conclusion(finding) for finding in findings)), ROWS)[0] is code


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.INFRASTRUCTURE, ExitCode.ENVIRONMENT), (Outcome.UNBUILDABLE, ExitCode.ENDPOINTS)],
)
def test_bad_end_without_a_result(outcome, code):
    found, sentence = conclude(
        ended(), (row(1, documents.BAD, outcome, cells=(), reason="port 8000 is taken"),)
    )
    assert found is code
    assert sentence == "no result at the bad commit: port 8000 is taken"


def test_native_changes_matter_under_a_pinned_base_only(session, tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / "test_it.py").touch()
    session.repository.changed = {
        documents.BROKEN: ("csrc/cpu/a.cpp", "docs/b.md"),
        documents.PARENT: ("csrc2/c.cpp",),
        documents.CULPRIT: ("engine/d.py", "setup.py"),
    }
    assert native_changes(session) == ()
    rerun_session = {"scenario": str(tmp_path), "profile": "cpu"}
    pinned = replace(session, request=session.request.model_copy(update=rerun_session))
    assert native_changes(pinned) == (
        NativeChange(sha=documents.BROKEN, paths=("csrc/cpu/a.cpp",)),
        NativeChange(sha=documents.CULPRIT, paths=("setup.py",)),
    )


def test_wall_time_is_that_in_which_any_trial_ran(session):
    """The second trial starts while the first one runs; between them and the third there is a gap."""
    rows = (
        row(1, documents.BAD, Outcome.FAILED, seconds=90.0),
        row(2, documents.GOOD, Outcome.PASSED, seconds=45.0),
        row(9, documents.CULPRIT, Outcome.FAILED, seconds=10.0),
    )
    cost = compose(session, rows, ended(CULPRIT)).cost
    assert (cost.seconds, cost.wall_seconds) == (145.0, 115.0)


def test_a_trial_has_the_memory_of_its_gpus(session):
    uses = (GpuUse(gpu="0", before=3, peak=90, after=4), GpuUse(gpu="1", before=0, peak=7))
    document = compose(session, (row(1, documents.BAD, Outcome.FAILED, gpu_memory=uses),), ended(CULPRIT))
    (trial,) = document.trials
    assert [(use.gpu, use.before, use.peak, use.after) for use in trial.gpu_memory] == [
        ("0", 3, 90, 4),
        ("1", 0, 7, None),
    ]


def test_cells_have_the_same_name_everywhere(session):
    """A cell's name is untrusted text: in `cells`, in a trial's `cells` and in its `outcomes`."""
    name = "test_it[\x1b[31mred\u202e]"
    result = TrialResult(
        sha=documents.BAD,
        cells=(CellResult(cell=name, outcome=Outcome.FAILED, failure=FAILURE),),
        outcome=Outcome.FAILED,
        started="2026-03-06T10:01:00+00:00",
        seconds=1.0,
    )
    document = compose(session, (TrialRow(1, Purpose.BAD_END, result),), ended(replace(CULPRIT, cell=name)))
    (trial,) = document.trials
    assert tuple(document.cells) == trial.cells == tuple(trial.outcomes) == ("test_it[red]",)
    assert trial.outcomes["test_it[red]"] == "failed"


def test_every_culprit_and_signature_has_its_failure(session):
    """Failures of one culprit are ordered by number of cells; cells without a culprit come last."""
    broken_pipe = documents.event(0.0, "Worker", "BrokenPipeError", "[Errno 32] Broken pipe")
    other = Failure(
        root=broken_pipe,
        chain=(broken_pipe,),
        signature=Signature(role="Worker", exception="BrokenPipeError", message="[Errno 32] Broken pipe"),
        excerpt="",
    )
    flaky = replace(conclusion(Finding.FLAKY), cell="flaky")
    cells = (
        flaky,
        replace(CULPRIT, cell="a", failure=other),
        replace(CULPRIT, cell="b"),
        replace(CULPRIT, cell="c"),
        replace(CULPRIT, cell="d", culprit=documents.PARENT, failure=other),
    )
    document = compose(session, ROWS, ended(*cells))
    failures = [(each.sha, each.cells, each.symptom) for each in document.failures]
    assert failures == [
        (documents.CULPRIT, ("b", "c"), True),
        (documents.CULPRIT, ("a",), True),
        (documents.PARENT, ("d",), True),
        ("", ("flaky",), True),
    ]
    assert document.failure == document.failures[0]
    assert document.failures[1].signature == str(other.signature)


MERGE = "e" * 40
SIDE = "f" * 40


def merging(session, *, first_parent):
    """A session whose culprit is a merge; its second parent is not in the range."""
    parents = (documents.PARENT, SIDE)
    made = {
        sha: Commit(sha, (documents.GOOD,), "A", "2026-03-05", "Side") for sha in (SIDE, documents.PARENT)
    }
    made[MERGE] = Commit(MERGE, parents, "A", "2026-03-05", "Merge")
    commits = tuple(made[sha] for sha in (documents.PARENT, MERGE))
    span = Range((documents.GOOD,), documents.BAD, commits, first_parent=first_parent)
    repository = type(session.repository)([*made.values(), *session.repository._commits.values()])
    return replace(session, range=span, repository=repository)


@pytest.mark.parametrize(("first_parent", "itself"), [(False, True), (True, False)])
def test_untested_side_of_a_merge_may_be_the_cause_with_first_parent(session, first_parent, itself):
    rows = (row(1, MERGE, Outcome.FAILED), row(2, documents.PARENT, Outcome.PASSED))
    found = replace(CULPRIT, culprit=MERGE, candidates=(MERGE,))
    document = compose(merging(session, first_parent=first_parent), rows, ended(found))
    assert document.culprits[MERGE].merge_itself is itself
    assert [parent.runs for parent in document.culprits[MERGE].parents] == [1, 0]
    assert document.commits[SIDE].subject == "Side"
