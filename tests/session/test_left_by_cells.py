"""Files and GPU memory that a cell leaves for the next one: in the trial's leftovers and in the result."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from types import SimpleNamespace

import pynvml
import pytest
from each_once import each_once
from projects import NullObserver
from suites import BUILD, NO_BUILD, write_scenario

from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import Home
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.store import Store
from bisect_tool.supervise import gpus
from bisect_tool.supervise.gpus import MIB

LOCKED = """
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(tempfile.gettempdir())


@pytest.mark.parametrize("servers", [1])
def test_unrelated(servers):
    (FOLDER / "socket").touch()


@pytest.mark.parametrize("servers", [1])
def test_locks(servers):
    (FOLDER / "engine").mkdir()
    (FOLDER / "engine" / "lock").touch()


@pytest.mark.parametrize("servers", [4])
def test_needs_the_lock(servers):
    code = Path("code").read_text().strip()
    assert code == "0" or not (FOLDER / "engine").exists()
"""

MESSY = """
import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())


def test_tidies_up(tmp_path):
    (tmp_path / "own").touch()
    with tempfile.NamedTemporaryFile():
        (FOLDER / "gone").touch()
    (FOLDER / "gone").unlink()


def test_leaves_a_mess(launch, tmp_path):
    Path({held!r}).touch()
    tree = Path(launch.command[0]).parent
    for name in ("__pycache__/x.cpython-311.pyc", "x.pyc", "server.log", ".pytest_cache/v", "sub/state"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    (FOLDER / "evil\\x1b[31m\\nname").touch()
    (FOLDER / "empty").mkdir()
    os.mkfifo(FOLDER / "pipe")
    (FOLDER / "link").symlink_to("/")
"""


@pytest.fixture
def scenario(tmp_path):
    """Makes scenarios with another suite; `launch` is added to the profile's."""

    def make(suite, launch="", build=NO_BUILD):
        folder = write_scenario(tmp_path / "scenario", tmp_path / "log", build)
        (folder / "test_small.py").write_text(suite)
        described = folder / "scenario.toml"
        described.write_text(described.read_text().replace('model = "none"', f'model = "none"\n{launch}'))
        return str(folder)

    return make


@pytest.fixture
def trials(project, monkeypatch):
    """Runs one trial of each commit but the good end, in this process; returns their results."""

    def run(scenario, good, bad):
        monkeypatch.chdir(project.path)
        home = Home(project.home / "state", project.home / "cache")
        args = RunOptions(repo=str(project.path), good=(good,), bad=bad, scenario=scenario)
        with closing(Store(home.store)) as store:
            session = sessions.create(resolve(args, home, print), store, home)
            runner.run(
                session, each_once(session), store, NullObserver(), executor_of(session, threading.Event())
            )
            return [row.result for row in store.trials(session.id)]

    return run


@pytest.mark.slow
def test_leftover_file_of_an_earlier_test_is_reported(project):
    """Only leftovers of its prerequisites are reported for a cell."""
    good, culprit = (project.commit(code, files={"test_order.py": LOCKED}) for code in (0, 1))
    args = ("--good", good, "--bad", culprit, "--pytest", "test_order.py", "--python", sys.executable)
    ended = project.run(*args, "--endpoint-runs", "1", "--confidence", "0.6", "--json")
    assert ended.code == 0, ended.stderr
    document = ended.document
    cell = document.cells["test_order.py::test_needs_the_lock[4]"]
    assert (cell.finding, cell.culprit.sha, cell.order_dependent) == ("culprit", culprit, True)
    assert cell.prerequisites == ("test_order.py::test_locks[1]",)
    assert cell.leftovers == ("file $TMPDIR/engine/lock",)
    assert ("file $TMPDIR/socket", "file $TMPDIR/engine/lock") in {each.leftovers for each in document.trials}
    report = " ".join(project.run("report").stdout.split())  # lines may wrap
    assert "left behind by the earlier cells: file $TMPDIR/engine/lock" in report


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A driver with three GPUs; all but the first use 300 MiB more once this file exists."""
    path = tmp_path / "held"

    def memory(index, **_):
        used = (index + 1) * MIB + (300 * MIB if index and path.exists() else 0)
        return SimpleNamespace(total=1 << 37, used=used)

    functions = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 3,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": memory,
        "nvmlDeviceGetUUID": lambda index: f"GPU-{index}",
        "nvmlDeviceGetComputeRunningProcesses": lambda _index: [],
    }
    for name, function in functions.items():
        monkeypatch.setattr(pynvml, name, function)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "RELEASE_S", 0.2)
    return path


def test_files_and_gpu_memory_are_leftovers_of_the_trial(project, scenario, trials, held):
    """Only the slot's GPUs count; in the second trial memory use does not grow."""
    shas = project.commits(0, 1, 2)
    ran = trials(scenario(MESSY.format(held=str(held)), "gpus_per_rank = 1"), shas[0], shas[2])
    files = ["$TMPDIR/empty/", "$TMPDIR/evil name", "$TMPDIR/link", "$TMPDIR/pipe", "sub/state"]
    left = [[(each.kind, each.name) for each in result.leftovers] for result in ran]
    assert left == [
        [("gpu", "1: 300 MiB"), *(("file", name) for name in files)],
        [("file", name) for name in files],
    ]


def test_suite_that_cleans_up_has_no_leftovers(project, scenario, trials, held):
    """Files of the build and memory that was in use before are no leftovers."""
    builds = {"native": 'cd "${0%/*}" && mkdir built && touch built/library extension.so\n'}
    shas = [project.commit(code, files=builds) for code in (0, 1)]
    held.touch()
    built = "    assert (Path(launch.command[0]).parent / 'built' / 'library').exists()\n"
    suite = f"{MESSY.partition('def test_leaves')[0]}\ndef test_is_built(launch):\n{built}"
    (result,) = trials(scenario(suite, "gpus_per_rank = 1", BUILD), *shas)
    assert {cell.outcome for cell in result.cells} == {"passed"}
    assert result.leftovers == ()


def test_files_of_a_command_are_no_leftovers(project):
    good, bad = project.commits(0, 1)
    check = 'touch "$TMPDIR/left" left; read -r code < code; exit "$code"'
    ended = project.run("--good", good, "--bad", bad, "--json", "--", "sh", "-c", check)
    assert ended.code == 0, ended.stderr
    assert {each.leftovers for each in ended.document.trials} == {()}
