"""Bounds, draws, judges and imported histories of the benchmarks, without peers that must be installed."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from math import log2

import pytest

from benchmarks.search import bound
from benchmarks.search.history import OWN, git, linear, merged, repository
from benchmarks.search.measured import measured
from benchmarks.search.output import table
from benchmarks.search.peers import git as model
from benchmarks.search.peers import real
from benchmarks.search.peers.exchange import ask, read, written
from benchmarks.search.problem import FlakyTest, Noise, Outcome, Problem, figures, problems
from benchmarks.search.windows import Window, windows

NONE = Noise(1, 0)


@pytest.mark.parametrize("error", [0.0, 0.05, 0.3, 0.5])
def test_capacity_of_the_symmetric_channel(error):
    assert bound.capacity(Noise(1 - error, error)) == pytest.approx(1 - bound.entropy(error), abs=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.6, 0.99])
def test_capacity_of_the_one_sided_channel(rate):
    missed = 1 - rate
    known = log2(1 + rate * missed ** (missed / rate))
    assert bound.capacity(Noise(rate, 0)) == pytest.approx(known, rel=1e-9)
    assert bound.capacity(Noise(1, missed)) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize(
    ("candidates", "noise", "known"),
    [
        (32, Noise(0.95, 0.05), 13.0),
        (32, Noise(0.6, 0.1), 43),
        (128, Noise(0.95, 0.05), 15.9),
        (128, Noise(0.6, 0.02), 33),
        (128, Noise(0.3, 0), 64),
    ],
)
def test_bound_of_the_rows(candidates, noise, known):
    assert bound.runs(candidates, noise, 0.95) == pytest.approx(known, abs=0.5)


def test_draws_are_uniform_and_equal_for_every_tool():
    asked = problems(8, Noise(0.5, 0.5), 4_000, seed=1)
    assert asked == problems(8, Noise(0.5, 0.5), 4_000, seed=1)
    for culprit in range(1, 9):
        assert sum(problem.culprit == culprit for problem in asked) == pytest.approx(500, abs=100)


def test_flaky_test_fails_at_its_rate():
    test = FlakyTest(Problem(10, 5, Noise(0.7, 0.2), seed=3))
    assert sum(test.fails(5) for _ in range(5_000)) == pytest.approx(3_500, abs=150)
    assert sum(test.fails(4) for _ in range(5_000)) == pytest.approx(1_000, abs=150)


def test_flaky_test_resumes_its_sequence():
    problem = Problem(10, 5, Noise(0.5, 0.5), seed=3)
    whole, end = FlakyTest(problem), FlakyTest(problem, earlier=30)
    assert [whole.fails(7) for _ in range(60)][30:] == [end.fails(7) for _ in range(30)]


def test_problems_round_trip_through_json():
    problem = Problem(128, 3, Noise(0.6, 0.02), seed=2**64 - 1)
    assert read(written(problem)) == problem


@pytest.mark.parametrize(
    ("judge", "fails", "bad", "runs"),
    [
        ("single", [True], True, 1),
        ("single", [False], False, 1),
        ("any-fail-of-5", [False, False, True], True, 3),
        ("any-fail-of-5", [False] * 5, False, 5),
        ("majority-of-3", [True, True], True, 2),
        ("majority-of-3", [False, False], False, 2),
        ("majority-of-3", [True, False, True], True, 3),
        ("majority-of-3", [False, True, False], False, 3),
    ],
)
def test_judges_run_no_more_than_they_need(judge, fails, bad, runs):
    left = iter(fails)
    assert model.JUDGES[judge](lambda: next(left)) is bad
    assert len(fails) - len(list(left)) == runs


def test_git_and_the_model_choose_the_same_commit(tmp_path):
    """Checks every length up to 70, and the lengths around powers of two up to 1,025."""
    repository(tmp_path / "made", linear(1026), numbered=False)
    shas = git(tmp_path / "made", "rev-list", "--reverse", "main").split()
    for length in (*range(2, 71), 127, 128, 129, 255, 257, 511, 513, 1023, 1024, 1025):
        chosen = git(tmp_path / "made", "rev-list", "--bisect", shas[length], f"^{shas[0]}").strip()
        assert shas.index(chosen) == model.midpoint(0, length), length


@pytest.mark.parametrize("judge", model.JUDGES)
def test_git_bisect_run_behaves_as_the_model(judge):
    noisy = problems(20, Noise(0.8, 0.2), 2, seed=4)
    with real.made(20) as checkout:
        for problem in noisy:
            assert checkout.git_bisect(problem, judge) == model.solve(problem, model.JUDGES[judge])


@pytest.mark.parametrize("judge", model.JUDGES.values())
def test_every_judge_is_right_without_noise(judge):
    for culprit in range(1, 34):
        assert model.solve(Problem(33, culprit, NONE, seed=0), judge).named == culprit


def test_peer_answers_from_its_own_interpreter(tmp_path, monkeypatch):
    (tmp_path / "peer.py").write_text(
        "from benchmarks.search.peers import exchange, git\n"
        "exchange.serve(lambda problem: git.solve(problem, git.single))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    asked = problems(16, Noise(0.9, 0.1), 3, seed=5)
    assert ask(sys.executable, "peer", asked) == [model.solve(problem, model.single) for problem in asked]


def test_figures_count_runs_and_right_answers():
    asked = [Problem(8, culprit, NONE, seed=0) for culprit in (1, 2, 3, 4)]
    outcomes = [Outcome(named, ((5, True),) * runs) for named, runs in ((1, 2), (2, 4), (4, 6), (None, 8))]
    assert str(figures(asked, outcomes)) == "5.0 (0.50)"


def test_merged_histories_are_complete():
    parents = list(merged(2_000))
    assert len(parents) == 2_000
    assert all(parent < number for number, each in enumerate(parents) for parent in each)
    assert 0.1 < sum(len(each) == 2 for each in parents) / 2_000 < 0.3
    under_another = {parent for each in parents for parent in each}
    assert under_another == set(range(1_999))


def test_imported_history_has_its_shape_and_numbers(tmp_path):
    parents = list(merged(60))
    repository(tmp_path / "made", parents, numbered=True)
    log = git(tmp_path / "made", "log", "--format=%H %P", "main").splitlines()
    number = {
        line.split()[0]: int(git(tmp_path / "made", "show", f"{line.split()[0]}:number")) for line in log
    }
    found = {number[line.split()[0]]: tuple(number[sha] for sha in line.split()[1:]) for line in log}
    assert found == dict(enumerate(parents))


def test_windows_are_numbered_from_the_good_end(tmp_path):
    commits = [{"sha": str(number), "parents": [str(number - 1)] if number else []} for number in range(9)]
    with gzip.open(tmp_path / "history", "wt") as lines:
        lines.writelines(json.dumps(commit) + "\n" for commit in commits)
    cases = tmp_path / "cases"
    cases.write_text(json.dumps([{"good": "2", "bad": "7", "culprit": "4"}]))
    assert windows(tmp_path / "history", cases) == [Window(candidates=5, culprit=2)]
    cases.write_text(json.dumps([{"good": "2", "bad": "7", "culprit": "8"}]))
    with pytest.raises(ValueError, match="8 does not lie"):
        windows(tmp_path / "history", cases)


def test_memory_of_a_program_excludes_its_parent(tmp_path):
    code = "held = bytearray(200 << 20); held[::4096] = b'1' * len(held[::4096]); sum(range(10**7))"
    found = measured(sys.executable, "-c", code + "; print('done')", cwd=tmp_path)
    assert found.output == "done\n"
    assert 0.05 < found.cpu_seconds < 30
    assert 200 < found.peak_mib < 400
    with pytest.raises(subprocess.CalledProcessError):
        measured("false", cwd=tmp_path, env={**os.environ, **OWN})


def test_tables_are_markdown():
    assert table(("a", "b"), [(1, "x")]) == "| a | b |\n| --- | --- |\n| 1 | x |"
    with pytest.raises(ValueError, match="1 cells under 2"):
        table(("a", "b"), [(1,)])
