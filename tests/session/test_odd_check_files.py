"""A check that damages the files of its own trial neither changes other results nor ends the session."""

from __future__ import annotations

import pytest

# What the check does in the folder of its trial, and the exit code of `step` at a failing commit.
DAMAGE = {
    "rm -rf $trial": 125,
    "rm -rf $trial; touch $trial": 125,
    "rm -rf $trial/logs": 1,
    "rm -f $out; mkfifo $out": 1,
    "rm -f $out; ln -s /dev/zero $out": 1,
    "rm -f $trial/temporary; mkdir -p $trial/temporary/x": 1,
    "ln -s nowhere $trial/logs/d.log; mkdir $trial/logs/f.log; truncate -s 1T $trial/logs/h.log": 1,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_check_that_damages_its_trial_files(project, damage):
    project.commit(1)
    find = "out=$(readlink /proc/$$/fd/1); trial=$(dirname $(dirname $out))"
    project.write_check(f"#!/bin/sh\n{find}\n{damage}\nexit 1\n")
    ended = project.run("step", "--", "./check.sh")
    assert ended.code == DAMAGE[damage]
    assert "Traceback" not in ended.stderr
    assert project.run("report", "--json").code == 0
