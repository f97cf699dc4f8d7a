"""The built wheel contains the scenarios and works without the checkout."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bisect_tool import __version__

CHECKOUT = Path(__file__).parents[2]
MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that the wheel was unpacked into, as pip would."""
    made = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made)]
    subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    (wheel,) = made.glob("*.whl")
    assert wheel.name == f"bisect_run-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(made / "site")
    return made / "site"


@pytest.fixture
def python(site, tmp_path):
    """Run Python with the wheel's packages, outside of the checkout, and return the output."""

    def run(program, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(site), "BISECT_RUN_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_wheel_contains_every_file_of_the_scenarios(site):
    listed = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--", "scenarios", "bisect_tool"]
    done = subprocess.run(listed, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip("this checkout has no history to ask for its files")
    tracked = {
        path.replace("scenarios/", "bisect_tool/_scenarios/") for path in done.stdout.split("\0") if path
    }
    (wheel,) = site.parent.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert tracked - packed == set()
    assert not [path for path in packed if path.endswith(".pyc")]


def test_command_is_installed(site):
    (entries,) = site.glob("*.dist-info/entry_points.txt")
    assert "bisect-run = bisect_tool.cli.app:main" in entries.read_text().splitlines()


def test_scenarios_are_listed(python, site):
    assert python("import bisect_tool; print(bisect_tool.__file__)").startswith(str(site))
    assert python(MAIN, "scenarios", "list").split()[0] == "external-lb-dp"


def test_suite_is_collected(python, site):
    shown = python(MAIN, "scenarios", "show", "external-lb-dp").splitlines()
    assert f"suite: {site}/bisect_tool/_scenarios/external_lb_dp/test_external_lb_dp.py" in shown
    assert len(shown[shown.index("cells:") + 1 :]) == 8


def test_reference_history_is_the_same(python, bundled_history, tmp_path):
    program = """if True:
        import sys
        from pathlib import Path
        from bisect_tool.demo.patch_series import replay
        from bisect_tool.scenario import scenarios_root
        print(replay(scenarios_root() / "reference_engine" / "series.toml", Path(sys.argv[1])).head)
    """
    assert python(program, tmp_path / "theirs.git") == f"{bundled_history('series')[1].head}\n"
