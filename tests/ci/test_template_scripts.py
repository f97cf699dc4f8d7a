"""The scripts of the nightly templates, with a stand-in for bisect-run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins import SCRIPTS, TEMPLATES

from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.write_tokens import NAMES

CODES = [0, 1, 2, 3, 4, 5, 70, 130, 143]
SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
ENDS_WITH = "sys.exit({code} if sys.argv[1] != 'prune' else 0)"


@pytest.mark.parametrize(
    "script",
    sorted([*SCRIPTS.glob("*.sh"), *TEMPLATES.glob("slurm/*")]),
    ids=lambda script: script.name,
)
def test_script_passes_shellcheck(script):
    """Shellcheck comes with the extra `test`; without it, bash at least has to parse the script."""
    check = [SHELLCHECK] if SHELLCHECK else ["bash", "-n"]
    done = subprocess.run([*check, script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("code", CODES)
def test_nightly_ends_with_the_code_of_bisect_run(place, code):
    place.stand_in("bisect-run", ENDS_WITH.format(code=code))
    ended = place.run(".bisect-run/nightly.sh", "--source", "github", "--job", "gpu .*")
    assert ended.returncode == code, ended.stderr
    assert place.calls == [
        ["bisect-run", "prune", "--max-size", "100G"],
        ["bisect-run", "nightly", "--out", "bisect-run-out", "--source", "github", "--job", "gpu .*"],
    ]


def test_size_of_home_and_folder_of_results_are_options(place):
    place.stand_in("bisect-run")
    place.run(".bisect-run/nightly.sh", BISECT_RUN_OUT="/srv/a b", BISECT_RUN_MAX_SIZE="20G")
    assert [call[1:] for call in place.calls] == [
        ["prune", "--max-size", "20G"],
        ["nightly", "--out", "/srv/a b"],
    ]


def test_failed_prune_does_not_stop_the_night(place):
    place.stand_in("bisect-run", "sys.exit(5 if sys.argv[1] == 'prune' else 1)")
    assert place.run(".bisect-run/nightly.sh").returncode == 1


@pytest.mark.parametrize("code", CODES)
def test_soft_turns_inconclusive_into_a_warning(place, code):
    place.stand_in("bisect-run", ENDS_WITH.format(code=code))
    ended = place.run(".bisect-run/soft.sh", ".bisect-run/nightly.sh")
    assert ended.returncode == (0 if code in (3, 4) else code)
    assert ended.stdout.startswith("::warning title=bisect-run::") == (code in (3, 4))


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
def test_soft_forwards_a_signal_and_waits(place, received):
    """The command stores what it has, and ends with the code for it."""
    place.stand_in(
        "bisect-run",
        "import signal, pathlib, time\n"
        "def end(*_):\n"
        "    pathlib.Path('stored').touch()\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path('ready').touch()\n"
        "while True:\n"
        "    time.sleep(0.02)\n",  # `pause` would miss a signal that comes right before it
    )
    words = [".bisect-run/soft.sh", "bisect-run", "run"]
    with subprocess.Popen(words, cwd=place.folder, env=place.environment()) as process:
        try:
            assert wait_until((place.folder / "ready").exists, 60)
            process.send_signal(received)
            assert process.wait(60) == 143
        finally:
            process.kill()
    assert (place.folder / "stored").exists()


def test_missing_bisect_run_is_a_machine_failure(place):
    ended = place.run(".bisect-run/nightly.sh")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "bisect-run is not on PATH" in ended.stderr


def test_home_is_required(place):
    ended = place.run(".bisect-run/install.sh", BISECT_RUN_HOME="")
    assert ended.returncode != 0
    assert "set it to a directory that outlives the job" in ended.stderr


MAKE_VENV = """
import os, pathlib, shutil
tool = pathlib.Path(sys.argv[3])
(tool / "bin").mkdir(parents=True)
shutil.copy({pip!r}, tool / "bin" / "python")
"""


@pytest.fixture
def installing(place):
    """A stand-in for `python3 -m venv` makes a folder whose pip installs a bisect-run."""
    pip = place.stand_in(
        "pip",
        "import pathlib\nprogram = pathlib.Path(sys.argv[0]).with_name('bisect-run')\n"
        "program.write_text('#!/bin/sh\\nexit 1\\n')\nprogram.chmod(0o755)\n",
    )
    place.stand_in("python3", MAKE_VENV.format(pip=str(pip)))
    return place


def test_package_is_installed_in_the_home(installing):
    ended = installing.run(".bisect-run/install.sh", BISECT_RUN_PACKAGE="bisect-run==0.1.0")
    tool = installing.folder / "home" / "tool"
    assert (ended.returncode, ended.stdout) == (0, f"{tool}/bin/bisect-run\n")
    venv, pip = installing.calls
    assert venv == ["python3", "-m", "venv", str(tool)]
    assert pip[1:4] == ["-m", "pip", "install"]
    assert pip[-1] == "bisect-run==0.1.0"


def test_installer_has_no_write_token(installing):
    seen = installing.folder / "seen"
    written = (
        f"import os, pathlib\npathlib.Path({str(seen)!r}).write_text(' '.join(os.environ))\nsys.exit(1)\n"
    )
    installing.stand_in("python3", written)
    installing.run(".bisect-run/nightly.sh", BISECT_RUN_PACKAGE="bisect-run", **dict.fromkeys(NAMES, "x"))
    assert NAMES.isdisjoint(seen.read_text().split())
    installing.stand_in("bisect-run", written)
    installing.run(".bisect-run/nightly.sh", **dict.fromkeys(NAMES, "x"))
    assert set(seen.read_text().split()) > NAMES


def test_package_is_upgraded_in_the_same_environment(installing):
    for _ in range(2):
        assert installing.run(".bisect-run/install.sh", BISECT_RUN_PACKAGE="bisect-run").returncode == 0
    assert [call[0] for call in installing.calls] == ["python3", "pip", "pip"]


def test_installed_version_is_used_if_the_index_is_down(installing):
    installing.run(".bisect-run/install.sh", BISECT_RUN_PACKAGE="bisect-run")
    python = installing.folder / "home" / "tool" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    ended = installing.run(".bisect-run/nightly.sh", BISECT_RUN_PACKAGE="bisect-run")
    assert ended.returncode == 1
    assert "cannot install bisect-run" in ended.stderr


def test_unavailable_index_without_installed_version(place):
    place.stand_in("python3", "sys.exit(1)")
    ended = place.run(".bisect-run/nightly.sh", BISECT_RUN_PACKAGE="bisect-run")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "bisect-run is not installed" in ended.stderr
