"""A check that spoils the files of its own trial changes no other answer, and never ends the session."""

from __future__ import annotations

import pytest

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
