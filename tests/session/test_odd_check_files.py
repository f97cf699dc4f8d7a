"""A check that spoils the files of its own trial changes no other answer, and never ends the session."""

from __future__ import annotations

import pytest

from bisect_tool.trial.run import _temporary, clear

# What the check does in the folder of its trial; what `step` ends with at a commit that fails.
SPOILT = {
    "rm -rf $trial": 125,
    "rm -rf $trial; touch $trial": 125,
    "rm -rf $trial/logs": 1,
    "rm -f $out; mkfifo $out": 1,
    "rm -f $out; ln -s /dev/zero $out": 1,
    "rm -f $trial/temporary; mkdir -p $trial/temporary/x": 1,
    "ln -s nowhere $trial/logs/d.log; mkdir $trial/logs/f.log; truncate -s 1T $trial/logs/h.log": 1,
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_trial_whose_files_are_spoilt(project, what):
    project.commit(1)
    find = "out=$(readlink /proc/$$/fd/1); trial=$(dirname $(dirname $out))"
    project.write_check(f"#!/bin/sh\n{find}\n{what}\nexit 1\n")
    ended = project.run("step", "--", "./check.sh")
    assert ended.code == SPOILT[what]
    assert "Traceback" not in ended.stderr
    assert project.run("report", "--json").code == 0


def test_only_the_temporary_folder_of_the_trial_itself_is_cleared(tmp_path):
    """Its link may name any other, as the trial can change it."""
    trial, other, mine = tmp_path / "001-abc", tmp_path / "bisect-run-results", tmp_path / "link"
    for folder in (trial, other):
        folder.mkdir()
    (other / "precious").touch()
    for target in (other, tmp_path / "nowhere", mine):
        trial.mkdir(exist_ok=True)
        (trial / "temporary").symlink_to(target)
        clear(trial)
        assert not trial.exists()
    assert (other / "precious").exists()


def test_the_temporary_folder_of_a_killed_trial_is_cleared(tmp_path):
    trial = tmp_path / "001-abc"
    trial.mkdir()
    with _temporary(trial) as folder:
        (folder / "left").touch()
        clear(trial)
        assert not folder.exists()
    assert not trial.exists()


def test_a_folder_of_trials_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "002-def").symlink_to(tmp_path / "precious")
    clear(tmp_path / "002-def")
    assert (tmp_path / "precious" / "file").exists()
