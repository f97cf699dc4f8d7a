"""The tests of any Python project, each of them a cell with a culprit of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bisect_tool.cli.app import main


class History:
    """Commits of whole files, bisected by their own tests."""

    def __init__(self, project):
        self.project = project
        self.shas = []

    def commit(self, files, *removed):
        for name, text in files.items():
            path = self.project.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in removed:
            (self.project.path / name).unlink()
        self.project._clock += 60
        self.project.git("add", "-A")
        self.project.git("commit", "-q", "--allow-empty", "-m", f"change {len(self.shas)}")
        self.shas.append(self.project.head())

    def bisect(self, *options, targets=("tests",), python=sys.executable):
        named = [word for target in targets for word in ("--pytest", target)]
        words = ("--good", self.shas[0], "--bad", self.shas[-1], "--json", "--python", python)
        return self.project.run(*words, *named, *options)

    def culprits(self, ended):
        """The number of the culprit by cell, None where there is none."""
        return {
            name: self.shas.index(cell.culprit.sha) if cell.culprit else None
            for name, cell in ended.document.cells.items()
        }


@pytest.fixture
def tests(project):
    return History(project)


def source(value):
    return f"VALUE = {value}\n\ndef same(x):\n    return x if VALUE < 3 else None\n"


TEST = """
import pytest
import thing

def test_value():
    assert thing.VALUE

@pytest.mark.parametrize("x", ["[", "a::b", "\\u00e9*?", "-x", " "])
def test_same(x):
    assert thing.same(x) == x

class TestClass:
    def test_method(self):
        assert thing.VALUE < 2
"""


def test_each_test_has_its_own_culprit(tests):
    for number in range(6):
        tests.commit({"thing.py": source(number + 1), "tests/test_thing.py": TEST})
    ended = tests.bisect()
    assert ended.code == 0, ended.stderr
    document = ended.document
    assert (document.scenario, document.profile) == ("pytest", "python")
    found = tests.culprits(ended)
    assert found.pop("tests/test_thing.py::TestClass::test_method") == 1
    assert found.pop("tests/test_thing.py::test_value") is None
    assert len(found) == 5
    assert set(found.values()) == {2}
    assert document.cells["tests/test_thing.py::test_value"].finding == "green"


def test_the_printed_command_runs_the_same_again(tests):
    tests.commit({"thing.py": source(1), "tests/test_thing.py": TEST})
    tests.commit({"thing.py": source(5)})
    ended = tests.bisect(
        "--pytest-args", '-k "not value" -W ignore', targets=("tests/test_thing.py::test_same",)
    )
    rerun = ended.document.rerun
    assert "--scenario pytest --profile python --pytest tests/test_thing.py::test_same" in rerun
    assert f"""--pytest-args '-k '"'"'not value'"'"' -W ignore' --python {sys.executable}""" in rerun
    assert len(ended.document.cells) == 5


@pytest.mark.parametrize(
    ("options", "targets", "cells"),
    [
        ((), ("tests/test_thing.py::TestClass",), {"tests/test_thing.py::TestClass::test_method"}),
        (("--cells", "*method"), ("tests",), {"tests/test_thing.py::TestClass::test_method"}),
        (
            ("--cells", "test_value"),
            ("tests",),
            {"tests/test_thing.py::test_value", "tests/test_b.py::test_value"},
        ),
        (
            (),
            ("tests/test_b.py", "tests/test_thing.py::test_value"),
            {"tests/test_b.py::test_value", "tests/test_thing.py::test_value"},
        ),
        (("--pytest-args", "-k method"), (".",), {"tests/test_thing.py::TestClass::test_method"}),
    ],
)
def test_which_tests_are_run(tests, options, targets, cells):
    tests.commit(
        {"thing.py": source(1), "tests/test_thing.py": TEST, "tests/test_b.py": "def test_value(): pass\n"}
    )
    tests.commit({"thing.py": source(2)})
    ended = tests.bisect(*options, targets=targets)
    assert set(ended.document.cells) == cells, ended.stderr


def test_a_test_that_is_not_there_says_nothing(tests):
    """Neither one of a file that comes later, nor one that gets its parameter later."""
    early = "import pytest\n@pytest.mark.parametrize('x', [1])\ndef test_p(x):\n    assert x == 1\n"
    late = early.replace("[1]", "[1, 2]").replace("x == 1", "__import__('thing').VALUE < 4")
    tests.commit({"thing.py": source(1), "tests/test_p.py": early})
    tests.commit({"thing.py": source(2), "tests/test_p.py": late, "tests/test_new.py": late})
    tests.commit({"thing.py": source(3)})
    tests.commit({"thing.py": source(4)})
    tests.commit({"thing.py": source(5)})
    ended = tests.bisect()
    found = tests.culprits(ended)
    assert found["tests/test_p.py::test_p[1]"] == 3
    # What never passed at a commit that has it may have been red when it came.
    assert set(found.values()) <= {3, None}
    pinned = tests.bisect("--tests-from", tests.shas[-1])
    assert set(tests.culprits(pinned).values()) == {3}
    assert len(tests.culprits(pinned)) == 4


def test_a_file_that_cannot_be_imported_is_a_cell_of_its_own(tests):
    other = "import thing\n\ndef test_other():\n    assert thing.VALUE < 4\n"
    test = "from thing import same\n\ndef test_same():\n    assert same(1) == 1\n"
    tests.commit({"thing.py": source(1), "tests/test_same.py": test, "tests/test_other.py": other})
    tests.commit({"thing.py": source(2)})
    tests.commit({"thing.py": "VALUE = 3\n"})
    tests.commit({"thing.py": "VALUE = 4\n"})
    tests.commit({"thing.py": "VALUE = 5\n"})
    ended = tests.bisect()
    assert tests.culprits(ended) == {"tests/test_other.py::test_other": 3, "tests/test_same.py": 2}
    failure = ended.document.cells["tests/test_same.py"].signature
    assert "ImportError: cannot import name 'same'" in failure


@pytest.mark.parametrize("broken", ["import no_such_module_of_thing\n", "def f(:\n", "1 / 0\n"])
@pytest.mark.parametrize("place", ["tests/conftest.py", "tests/deep/conftest.py", "conftest.py"])
def test_a_conftest_that_cannot_be_imported_is_a_cell_of_its_own(tests, place, broken):
    tests.commit({place: "", "tests/deep/test_a.py": "def test_a(): pass\n"})
    tests.commit({"name": "x"})
    tests.commit({place: broken})
    tests.commit({"name": "y"})
    ended = tests.bisect()
    assert ended.code == 0, ended.stderr
    assert tests.culprits(ended)[place] == 2


def test_a_file_that_breaks_in_between_says_nothing_of_its_tests(tests):
    test = "import thing\n\ndef test_value():\n    assert thing.VALUE < 4\n"
    other = "def test_other(): pass\n"
    tests.commit({"thing.py": source(1), "tests/test_a.py": test, "tests/test_b.py": other})
    tests.commit({"thing.py": source(2)})
    tests.commit({"tests/test_a.py": f"import no_such_module\n{test}"})
    tests.commit({"thing.py": source(3), "tests/test_a.py": test})
    tests.commit({"thing.py": source(4)})
    tests.commit({"thing.py": source(5)})
    ended = tests.bisect()
    assert tests.culprits(ended) == {"tests/test_a.py::test_value": 4, "tests/test_b.py::test_other": None}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = -x --strict-markers -p no:doctest\n"),
        ("pytest.ini", "[pytest]\naddopts = --maxfail=1 --stepwise -q -q --tb=no --no-header\n"),
        ("pytest.ini", "[pytest]\naddopts = --lf -W error --strict-config\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-n auto --cov=thing --cov-report=xml'\n"),
        ("tox.ini", "[pytest]\naddopts = -p xdist -n 2\n"),
        ("tests/pytest.ini", "[pytest]\naddopts = -x\n"),
    ],
)  # fmt: skip
def test_what_a_configuration_asks_for_breaks_nothing(tests, file, text):
    tests.commit({"thing.py": source(1), "tests/test_thing.py": TEST, file: text})
    tests.commit({"thing.py": source(3)})
    ended = tests.bisect()
    assert ended.code == 0, ended.stderr
    found = tests.culprits(ended)
    assert (len(found), list(found.values()).count(1)) == (7, 6)


LAYOUTS = {
    "flat": ("thing.py", ""),
    "src": ("src/thing.py", ""),
    "declared": ("lib/python/thing.py", "[tool.setuptools.package-dir]\n'' = 'lib/python'\n"),
    "of one of several": ("packages/one/src/thing.py", ""),
}


@pytest.fixture
def editable(tests, tmp_path):
    """Make an interpreter in which the user's checkout is installed as editable, in one of three ways."""

    def make(way, place):
        venv = tmp_path / "venv"
        packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(sys.executable)
        site = venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        site.mkdir(parents=True)
        base = Path(sys.executable).resolve().parent
        (venv / "pyvenv.cfg").write_text(f"home = {base}\n")
        (site / "others.pth").write_text(f"{packages}\n")
        folder = tests.project.path / Path(place).parent
        if way == "path":
            (site / "thing.pth").write_text(f"{folder}\n")
        else:
            where = "insert(0, Finder)" if way == "finder before Python's" else "append(Finder)"
            (site / "thing.pth").write_text("import __editable___thing_finder\n")
            (site / "__editable___thing_finder.py").write_text(
                "import sys\n"
                "from importlib.util import spec_from_file_location\n"
                f"MAPPING = {{'thing': {str(tests.project.path / place)!r}}}\n"
                "class Finder:\n"
                "    @classmethod\n"
                "    def find_spec(cls, name, path=None, target=None):\n"
                "        return spec_from_file_location(name, MAPPING[name]) if name in MAPPING else None\n"
                f"sys.meta_path.{where}\n"
            )
        return str(venv / "bin" / "python")

    return make


@pytest.mark.parametrize("way", ["path", "finder", "finder before Python's"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_commit_is_imported_whatever_is_installed(tests, editable, layout, way):
    """So is it by processes that a test starts. The checkout itself is at the bad end, and always red."""
    place, project = LAYOUTS[layout]
    test = (
        "import subprocess, sys\nimport thing\n\n"
        "def test_here():\n    assert thing.VALUE < 3\n\n"
        "def test_there():\n"
        "    code = 'import thing, sys; sys.exit(thing.VALUE >= 3)'\n"
        "    assert subprocess.call([sys.executable, '-c', code], cwd='/') == 0\n"
    )
    folder = "packages/one/" if place.startswith("packages") else ""
    files = {place: source(1), f"{folder}tests/test_it.py": test, f"{folder}pyproject.toml": project}
    tests.commit(files)
    for value in (2, 3, 4):
        tests.commit({place: source(value)})
    ended = tests.bisect(targets=(f"{folder}tests",), python=editable(way, place))
    assert ended.code == 0, ended.stderr
    assert set(tests.culprits(ended).values()) == {2}


@pytest.mark.parametrize("how", ["time.sleep(600)", "os._exit(3)", "os.kill(os.getpid(), 11)"])
def test_a_test_that_does_not_come_back_is_the_one_that_ran(tests, how):
    test = (
        "import os, time, thing\n\ndef test_a(): pass\n\n"
        f"def test_b():\n    if thing.VALUE > 2: {how}\n\n"
        "def test_c(): pass\n"
    )
    tests.commit({"thing.py": source(1), "tests/test_it.py": test})
    for value in (2, 3, 4):
        tests.commit({"thing.py": source(value)})
    ended = tests.bisect(
        "--deadline", "4" if "sleep" in how else "60", "--cells", "*test_[ab]", "--cells", "*_b"
    )
    found = tests.culprits(ended)
    assert found["tests/test_it.py::test_b"] == 2, ended.stderr


def test_several_slots_find_the_same(tests):
    for number in range(6):
        tests.commit({"thing.py": source(number + 1), "tests/test_thing.py": TEST})
    found = tests.culprits(tests.bisect("--slots", "3"))
    assert found["tests/test_thing.py::test_same[[]"] == 2


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--pytest", "no/tests"), "there is no no/tests at "),
        (("--pytest", "tests", "--python", "no-such-python"), "--python no-such-python is no program"),
        (("--pytest", "tests", "--pytest-args", "'"), "--pytest-args cannot be read: No closing quotation"),
        (("--pytest", ""), "--pytest is empty"),
        (("--python", sys.executable), "--python goes with --pytest"),
        (("--scenario", "pytest"), "scenario pytest runs the tests that --pytest names"),
    ],
)
def test_a_slip_is_a_usage_error(tests, monkeypatch, capsys, words, wrong):
    tests.commit({"tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"name": "x"})
    monkeypatch.chdir(tests.project.path)
    for name, value in tests.project.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["--good", tests.shas[0], "--bad", tests.shas[1], *words])
    assert ended.value.code == 2
    assert wrong in capsys.readouterr().err
