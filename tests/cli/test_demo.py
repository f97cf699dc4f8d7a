"""The demo, as run by a new user: it names the culprit of the bundled history.

`.ci/run` has run it before the tests: BISECT_DEMO is the folder with the home it ran in, and its document.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bisect_tool.json_document.document import Document

MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
TESTS = ("server_info", "single_completion", "completion_streaming", "teardown")
ROOT = "WorkerProc initialization failed due to an exception in a background process"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def fresh(run_folder):
    return Path(os.environ.get("BISECT_DEMO") or run_folder / "demo")


@pytest.fixture(scope="module")
def labels(bundled_history):
    return bundled_history("series")[1].labels


@pytest.fixture(scope="module")
def demo(fresh, once):
    """The document of a demo that ended with 0."""
    done = fresh / "document.json"
    document = Document.model_validate_json(
        done.read_text() if done.exists() else once("demo.json", lambda: run_demo(fresh))
    )
    assert (document.command, document.exit_code) == ("demo", 0)
    return document


def run_demo(folder):
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "demo", "--json"],
        env={**os.environ, "BISECT_RUN_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_culprit_of_every_cell_with_four_api_servers(demo, labels):
    for test in TESTS:
        cell = demo.cells[f"test_external_lb_{test}[4]"]
        assert (cell.finding, cell.culprit.sha) == ("culprit", labels["culprit"])
        assert (cell.good.failed, cell.bad.failed) == (0, cell.bad.runs)


def test_cells_with_one_api_server_pass(demo):
    assert {demo.cells[f"test_external_lb_{test}[1]"].finding for test in TESTS} == {"green"}
    assert len(demo.cells) == 2 * len(TESTS)


def test_chain_starts_with_its_cause(demo, labels):
    root, *followed = demo.failure.chain
    assert root == demo.failure.root
    assert (demo.failure.sha, root.exception) == (labels["culprit"], "RuntimeError")
    assert root.role.startswith("EngineCore")
    assert root.message.startswith(ROOT)
    broken = [event for event in followed if event.exception == "BrokenPipeError"]
    assert broken
    assert all(event.time >= root.time for event in broken)


def test_demo_runs_and_builds_no_more_than_needed(demo):
    assert demo.candidates_total == 20
    assert Counter(trial.purpose for trial in demo.trials)["narrow"] <= math.ceil(math.log2(20))
    assert 1 <= demo.cost.builds <= 3
    assert len({trial.environment for trial in demo.trials}) == demo.cost.builds


@pytest.mark.usefixtures("demo")
def test_demo_leaves_no_process(fresh):
    assert processes_in(fresh) == []


def test_remaining_process_is_found(tmp_path):
    argv = [sys.executable, "-c", "print(flush=True); input()", str(tmp_path / "home")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        assert processes_in(tmp_path) == [process.pid]
        process.communicate("\n")


def processes_in(folder):
    """Running processes with a path below the folder as working directory, argument or variable."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _uses(folder, path)]


def _uses(folder, process):
    try:
        text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        return os.fsencode(f"{folder}/") in text or (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False
