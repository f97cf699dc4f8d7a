"""Learning the factors of the prior: reverted commits, the fit, the table."""

from __future__ import annotations

import gzip
import json
import sys
import tomllib
from math import log

import numpy as np
import pytest

from benchmarks import train_prior
from benchmarks.train_prior import History, Known, fit, trials
from bisect_tool.search import prior

DAY = 86400


def commit(number, subject, *files, days=0.0):
    return {
        "sha": f"{number:040x}",
        "parents": [f"{number - 1:040x}"],
        "time": days * DAY,
        "subject": subject,
        "files": files,
    }


def history(*commits):
    return History(json.dumps(each) for each in commits)


def subjects(*output, days=0.0):
    return history(*(commit(n, subject, "a.py", days=n * days) for n, subject in enumerate(output)))


@pytest.mark.parametrize(
    "revert",
    [
        'Revert "[Core] Say hello to everybody" (#9)',
        'Revert "[Core] Say hello to everybody (#2)" (#9)',
        'Revert "[Core] Say hello to every… (#9)',
        "Revert #2 (#9)",
        "[Bugfix] Partial revert of #2 (#9)",
        "[Revert] [Core] Say hello to everybody (#9)",
    ],
)
def test_reverted_commit_of_a_revert(revert):
    assert subjects("Start (#1)", "[Core] Say hello to everybody (#2)", "Go on (#3)", revert).reverted() == [
        1
    ]


@pytest.mark.parametrize(
    "no_revert",
    [
        "[Core] Unrevert #2 (#9)",
        "Follow up on #2 (#9)",
        'Revert "[Core] Something else entirely" (#9)',
        "Revert hello (#2)",
    ],
)
def test_other_subjects_revert_nothing(no_revert):
    assert subjects("Start (#1)", "[Core] Say hello to everybody (#2)", no_revert).reverted() == []


def test_late_revert_is_ignored():
    assert subjects("Say hello (#1)", "Revert #1 (#2)", days=89).reverted() == [0]
    assert subjects("Say hello (#1)", "Revert #1 (#2)", days=91).reverted() == []


def test_last_of_two_commits_with_the_title_is_reverted():
    title = "[Core] Say hello to everybody"
    assert subjects(f"{title} (#1)", f"{title} (#2)", f'Revert "{title}" (#3)').reverted() == [1]


def test_fit_finds_the_odds_and_the_ridge_shrinks_them_to_one(monkeypatch):
    learnt = np.array([[1.0], [0.0], [0.0]])
    groups = [Known((0, 1, 2), 0)] * 600 + [Known((0, 1, 2), 1)] * 400
    monkeypatch.setattr(train_prior, "RIDGE", 0.0)
    free = fit(learnt, groups)[0]
    assert free == pytest.approx(log(600 / 200))
    monkeypatch.setattr(train_prior, "RIDGE", 1000.0)
    assert 0 < fit(learnt, groups)[0] < free / 2


def test_trials_halve_the_mass_until_one_is_left():
    assert [trials([0.25] * 4, culprit) for culprit in range(4)] == [2, 2, 2, 2]
    assert [trials([0.5, 0.25, 0.25], culprit) for culprit in range(3)] == [1, 2, 2]
    assert trials([1.0], 0) == 0


def test_single_trial_count_at_the_culprit():
    assert trials([0.96, 0.04], 0, sure=0.95) == 0
    assert trials([0.96, 0.04], 1, sure=0.95) == 1


def test_package_reads_the_learnt_table(tmp_path, monkeypatch, capsys):
    lines = [commit(n, f"Change {n} (#{n})", "a.py", "b.py", days=n / 30) for n in range(120)]
    for bad in (20, 50, 80):
        lines[bad]["files"] = ["csrc/a.cu"]
        lines[bad + 5]["subject"] = f"Revert #{bad} (#{bad + 5})"
    data, cases = tmp_path / "history.jsonl.gz", tmp_path / "cases.json"
    data.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    ends = {"good": lines[70]["sha"], "bad": lines[90]["sha"], "culprit": lines[80]["sha"]}
    cases.write_text(json.dumps([ends]))
    words = ("train_prior", str(data), "--exclude", str(cases), "--test", str(cases))
    monkeypatch.setattr(sys, "argv", list(words))
    train_prior.main()
    output = capsys.readouterr()
    learnt = tomllib.loads(output.out)["learnt"]
    assert tuple(learnt) == prior.LEARNT
    assert learnt["native_or_build"] > 1
    assert learnt["plug_in"] == 1
    assert "2 reverted, 2 learnt from" in output.err
    assert "known cases: 1 ranges: log2 n 4.32" in output.err
