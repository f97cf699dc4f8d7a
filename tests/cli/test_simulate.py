"""`bisect-run simulate`: its output, the simulated search, and rejected options."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

KEYS = {
    "accuracy",
    "wrong_rate",
    "trials",
    "midpoint_trials",
    "rounds",
    "calibration",
    "bound",
    "reached",
    "cost",
}


@pytest.fixture
def simulate(cli):
    def run(*arguments):
        ended = cli("simulate", *arguments, "--json")
        assert (ended.code, ended.err) == (0, "")
        return json.loads(ended.out)

    return run


@pytest.fixture
def recorded(tmp_path):
    """A linear history of twenty commits: c12 is the culprit, and c3 changes only documentation."""
    lines = [
        {
            "sha": f"c{number}",
            "parents": [f"c{number - 1}"] if number else [],
            "time": number,
            "subject": f"Change {number}",
            "files": ["docs/a.md" if number == 3 else "engine/core.py"],
        }
        for number in range(21)
    ]
    history = tmp_path / "history.jsonl.gz"
    with gzip.open(history, "wt", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(line)}\n" for line in lines)
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps([{"good": "c0", "bad": "c20", "culprit": "c12", "revert": "c30"}]))
    return str(history), str(cases)


def test_linear_range_without_noise_takes_a_logarithm_of_runs(simulate):
    found = simulate("--candidates", "32", "--runs", "40")
    assert found.keys() > KEYS
    assert (found["schema"], found["command"], found["runs"]) == (1, "simulate", 40)
    assert (found["accuracy"], found["wrong_rate"], found["bound"]) == (1.0, 0.0, 5.0)
    assert found["midpoint_trials"] == {"mean": 5.0, "p50": 5.0, "p95": 5.0}
    assert found["rounds"] == found["midpoint_trials"]
    assert 5 < found["trials"]["mean"] <= 11
    assert found["reached"] == pytest.approx(5.0 / found["trials"]["mean"])
    assert [each["low"] for each in found["calibration"]] == [tenth / 10 for tenth in range(10)]
    assert sum(each["count"] for each in found["calibration"]) == 40


def test_slots_save_rounds(simulate):
    found = simulate("--candidates", "81", "--runs", "20", "--slots", "8")
    assert found["accuracy"] == 1.0
    assert found["rounds"]["mean"] == 2.0
    assert found["trials"]["mean"] > 16


def test_same_seed_gives_the_same_searches(simulate):
    arguments = ("--candidates", "16", "--p-fail-bad", "0.8", "--p-fail-good", "0.05", "--runs", "15")
    first, second = simulate(*arguments), simulate(*arguments)
    assert first == second
    assert simulate(*arguments, "--seed", "2") != first
    assert 0.5 < first["accuracy"] <= 1.0
    assert first["bound"] > 4


def test_recorded_history(simulate, recorded):
    history, cases = recorded
    found = simulate("--history", history, "--cases", cases, "--runs", "7")
    assert (found["cases"], found["runs"], found["accuracy"], found["priors"]) == (1, 7, 1.0, True)
    assert not simulate("--history", history, "--cases", cases, "--runs", "1", "--no-priors")["priors"]


def test_report(cli):
    ended = cli("simulate", "--candidates", "8", "--runs", "10")
    assert (ended.code, ended.err) == (0, "")
    assert "100.0% of 10 searches" in ended.out
    assert "narrowing trials" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no commits to search"),
        (("--candidates", "8", "--history", "h"), "no commits to search"),
        (("--history", "h"), "no commits to search"),
        (("--history", "h.jsonl", "--cases", "c.json"), "cannot read the history"),
        (("--candidates", "0"), "Invalid value for"),
        (("--candidates", "8", "--slots", "65"), "'65' is not a number or range from 1 to 64"),
        (("--candidates", "8", "--p-fail-bad", "1.5"), "Invalid value for"),
        (("--candidates", "8", "--p-fail-bad", "0.2", "--p-fail-good", "0.3"), "fail more often"),
        (("--candidates", "8", "--p-fail-bad", "0.2", "--p-fail-good", "0.2"), "fail more often"),
    ],
)
def test_rejected_options(cli, arguments, message):
    ended = cli("simulate", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("[]", "has no cases"),
        ("{}", "is not a list of cases"),
        ('[{"good": "c0", "bad": "c9"}]', "is not a list of cases"),
        ('[{"good": "c0", "bad": "c9", "culprit": "c99"}]', "c99 is not in the history"),
        ('[{"good": "c0", "bad": "c9", "culprit": "c12"}]', "c12 does not lie between c0 and c9"),
    ],
)
def test_malformed_cases(cli, recorded, tmp_path, case, message):
    history, _ = recorded
    cases = tmp_path / "other.json"
    cases.write_text(case)
    ended = cli("simulate", "--history", history, "--cases", str(cases))
    assert (ended.code, ended.out) == (2, "")
    assert message in " ".join(ended.err.split())


BROKEN = {
    "a commit that is there twice": ({6: ("c5", "c4")}, "line 7 repeats c5 of line 6"),
    "its own parent": ({6: ("c6", "c6")}, "c6 (line 7) is its own ancestor: c6 -> c6"),
    "a circle in the range": (
        {6: ("c6", "c8")},
        "is its own ancestor: c6 -> c8 -> c7 -> c6",
    ),
    "good above bad": ({0: ("c0", "c20")}, "is its own ancestor: c0 -> c20 -> c19 -> c18 -> c17 -> ..."),
    "no way from bad to good": (
        {6: ("c6", "none")},
        "good c0 is not an ancestor of bad c20: none, a parent of c6, is not in the history",
    ),
    "no way from bad to the culprit": (
        {16: ("c16", "none", "c0")},
        "c12 does not lie between c0 and c20: none, a parent of c16, is not in the history",
    ),
    "a good commit of another history": (
        {1: ("c1",)},
        "good c0 is not an ancestor of bad c20\n",
    ),
}


@pytest.mark.parametrize(("lines", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_history(cli, recorded, tmp_path, lines, message):
    """A tuple of sha and parents replaces the line."""
    _, cases = recorded
    line = {number: (f"c{number}", *([f"c{number - 1}"] if number else [])) for number in range(21)}
    history = tmp_path / "broken.jsonl"
    history.write_text(
        "".join(
            json.dumps({"sha": sha, "parents": parents, "time": number}) + "\n"
            for number, (sha, *parents) in (line | lines).items()
        )
    )
    ended = cli("simulate", "--history", str(history), "--cases", cases)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_branch_from_before_the_first_line_is_accepted(simulate, recorded, tmp_path):
    """Its commits are candidates; their ancestors are as good as the good commit."""
    packed, cases = recorded
    lines = gzip.decompress(Path(packed).read_bytes()).decode().splitlines()
    merge = {"sha": "c20", "parents": ["c19", "side"], "time": 20}
    side = {"sha": "side", "parents": ["elder"], "time": 3}
    history = tmp_path / "branch.jsonl"
    history.write_text("\n".join([*lines[:20], json.dumps(side), json.dumps(merge)]))
    assert simulate("--history", str(history), "--cases", cases, "--runs", "2")["accuracy"] == 1.0


def test_file_that_is_no_history(cli, recorded, tmp_path):
    _, cases = recorded
    history = tmp_path / "history.jsonl"
    history.write_text('{"sha": "c0", "parents": [], "time": 0}\n{"sha": "c1"}\n')
    ended = cli("simulate", "--history", str(history), "--cases", cases)
    assert ended.code == 2
    assert "line 2 is not a commit" in " ".join(ended.err.split())


def test_range_of_slots_doubles(simulate):
    found = simulate("--candidates", "32", "--runs", "20", "--slots", "1..6", "--trial-minutes", "5")
    assert [row["slots"] for row in found["by_slots"]] == [1, 2, 4, 6]
    assert (found["slots"], found["trial_minutes"], found["trial_gpus"]) == ("1..6", 5.0, 2)
    assert all(row.keys() > KEYS for row in found["by_slots"])
    first = found["by_slots"][0]
    assert first["cost"]["wall_seconds"]["mean"] == pytest.approx(300 * first["trials"]["mean"])
    assert first["cost"]["gpu_seconds"]["mean"] == pytest.approx(600 * first["trials"]["mean"])
    walls = [row["cost"]["wall_seconds"]["mean"] for row in found["by_slots"]]
    assert walls == sorted(walls, reverse=True)


def test_row_of_a_range_equals_a_run_with_these_slots(simulate):
    arguments = ("--candidates", "16", "--p-fail-bad", "0.8", "--runs", "10")
    alone = simulate(*arguments, "--slots", "2")
    (_, row) = simulate(*arguments, "--slots", "1..2")["by_slots"]
    assert row == {key: alone[key] for key in row}


def test_report_of_a_range_of_slots(cli):
    ended = cli("simulate", "--candidates", "8", "--runs", "5", "--slots", "1..2", "--trial-gpus", "0")
    assert (ended.code, ended.err) == (0, "")
    assert "5 searches each, trials of 10 min 00 s\n" in ended.out
    assert "trial-hours" in ended.out


@pytest.mark.parametrize(("gpus", "unit"), [("2", "GPU-hours"), ("0", "trial-hours")])
def test_report_of_one_number_of_slots_has_the_cost_with_its_interval(cli, gpus, unit):
    ended = cli("simulate", "--candidates", "64", "--p-fail-bad", "0.5", "--runs", "20", "--trial-gpus", gpus)
    number = r"[\d.]+"
    cost = rf"Cost +\d+ h \d\d min \(\d+ to \d+ h\), {number} {unit} \({number} to {number}\) with trials of"
    assert re.search(cost, ended.out)
