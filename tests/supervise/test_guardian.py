"""The guardian by itself, in every way of starting it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bisect_tool.supervise.guardian_protocol import GuardianResult, GuardianSpec, Reason

ROOT = Path(__file__).parents[2]
BY_PATH = str(ROOT / "bisect_tool" / "supervise" / "guardian.py")
WAYS = [["-I", "-S", BY_PATH], ["-E", "-s", BY_PATH], [BY_PATH], ["-m", "bisect_tool.supervise.guardian"]]


def make(folder, *argv):
    return GuardianSpec(
        argv=argv, cwd=folder, env={}, stdout=folder / "out.log", watch=folder, folder=folder, deadline_s=30
    )


def start(way, made):
    file = made.folder / "spec.json"
    file.write_text(made.to_json())
    command = [sys.executable, *way, str(file)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def result_of(made):
    return GuardianResult.from_json((made.folder / "result.json").read_text())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(way).replace(str(ROOT), ""))
def test_ways_to_start_the_guardian(tmp_path, way):
    made = make(tmp_path, "/bin/sh", "-c", "echo $GREETING; exit 3")
    with start(way, made) as guardian:
        assert guardian.stdin is not None
        guardian.stdin.write(json.dumps({"GREETING": "hello"}).encode() + b"\n")
        guardian.stdin.flush()
        assert guardian.wait(60) == 0
    assert (tmp_path / "out.log").read_text() == "hello\n"
    assert result_of(made).exit_code == 3


def test_nothing_is_started_for_a_caller_that_has_ended(tmp_path):
    made = make(tmp_path, "/bin/sh", "-c", "touch started")
    with start(WAYS[0], made) as guardian:
        assert guardian.stdin is not None
        guardian.stdin.close()
        guardian.wait(60)
    assert result_of(made).reason is Reason.PARENT_GONE
    assert not (tmp_path / "started").exists()


def test_closed_pipe_ends_the_program(tmp_path):
    made = make(tmp_path, "/bin/sh", "-c", "echo started; sleep 1000")
    with start(WAYS[0], made) as guardian:
        assert guardian.stdin is not None
        guardian.stdin.write(json.dumps(dict(os.environ)).encode() + b"\n")
        guardian.stdin.flush()
        ends = time.monotonic() + 60
        while not (made.stdout.exists() and made.stdout.read_bytes()):
            assert time.monotonic() < ends
            time.sleep(0.01)
        guardian.stdin.close()
        guardian.wait(60)
    assert result_of(made).reason is Reason.PARENT_GONE
    assert result_of(made).leftovers.processes == ()


def test_guardian_needs_only_the_standard_library(tmp_path):
    """With other modules, it would start slowly, and break with the environment that it guards."""
    code = (
        "import sys; sys.path.append(sys.argv[1]); import bisect_tool.supervise.guardian; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=True
    )
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert modules - set(sys.stdlib_module_names) - {"__main__"} == {"bisect_tool"}
