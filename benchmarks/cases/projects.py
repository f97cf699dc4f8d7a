"""Tests of Python projects: added and moved files, broken imports, installs that hide the commits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_GOOD, _BAD = {"pkg.py": "VALUE = 0\n"}, {"pkg.py": "VALUE = 1\n"}
_TEST = {"tests/test_pkg.py": "import pkg\n\ndef test_value():\n    assert pkg.VALUE == 0\n"}
_LENIENT = {"tests/test_pkg.py": "import pkg\n\ndef test_value():\n    assert pkg.VALUE < 2\n"}
_PYTEST = (sys.executable, "-m", "pytest", "-q")
_UNITTEST = {
    "tests/__init__.py": "",
    "tests/test_pkg.py": "import unittest, pkg\n\nclass TestPkg(unittest.TestCase):\n"
    "    def test_value(self):\n        self.assertEqual(pkg.VALUE, 0)\n",
}
_ORDER = {
    "tests/test_pkg.py": "import pkg\n\ndef test_use():\n    pkg.use()\n\n"
    "def test_value():\n    assert pkg.VALUE == 0\n"
}
_LEAK = "VALUE = 0\n\ndef use():\n    global VALUE\n    VALUE = {}\n"


def _tests(good: str, bad: str, *options: str, path: str = "tests") -> tuple[str, ...]:
    return ("--good", good, "--bad", bad, "--pytest", path, "--python", sys.executable, *options)


def tests_that_appear(project: Projects) -> Questions:
    """A test that was added within the range, after or before the culprit."""
    made = project()
    good = made.commit(0, files=_GOOD)
    culprit = made.commit(0, "break", _BAD)
    made.commit(0, "add the test", _TEST)
    bad = made.commit(0)
    inconclusive = Expected((3, 4), culprit, or_none=True)
    for check in (("tests/test_pkg.py",), ("tests",), ("-k", "value")):
        asked = search(good, bad, *_PYTEST, *check)
        yield Question(f"pytest {check[-1]}", made, asked, inconclusive)
    yield Question("--pytest", made, _tests(good, bad), inconclusive)
    pinned = _tests(good, bad, "--tests-from", bad)
    yield Question("--tests-from", made, pinned, Expected((0,), culprit))
    other = project()
    good = other.commit(0, files=_GOOD)
    culprit = other.commit(0, "break", _BAD)
    other.commit(0, "add the test", _UNITTEST)
    bad = other.commit(0)
    asked = search(good, bad, sys.executable, "-m", "unittest", "tests.test_pkg")
    yield Question("unittest", other, asked, Expected((3, 4), culprit, or_none=True))


def imports_that_break(project: Projects) -> Questions:
    """Tests could not be collected for a while; at the bad end something else fails."""
    made = project()
    good = made.commit(0, files={**_GOOD, **_TEST})
    made.commit(0, "break the import", {"pkg.py": "import no_such_module\n"})
    made.commit(0)
    made.commit(0, "repair it", _GOOD)
    culprit = made.commit(0, "break the value", _BAD)
    bad = made.commit(0)
    yield Question("--pytest", made, _tests(good, bad), Expected((0,), culprit))
    same = search(good, bad, *_PYTEST, "tests", options=("--same-failure",))
    yield Question("pytest, --same-failure", made, same, Expected((0,), culprit))
    other = project()
    good = other.commit(0, files={**_GOOD, **_TEST})
    other.commit(0)
    culprit = other.commit(0, "break conftest.py", {"tests/conftest.py": "import no_such_module\n"})
    bad = other.commit(0)
    yield Question("conftest.py", other, _tests(good, bad), Expected((0,), culprit))


def configuration_that_moves(project: Projects) -> Questions:
    """The root of pytest moves with its configuration, and changes the names of the tests."""
    made = project()
    root = {"tests/conftest.py": "import sys\nsys.path.insert(0, '.')\n", "pytest.ini": "[pytest]\n"}
    good = made.commit(0, files={**_GOOD, **_TEST, **root})
    culprit = made.commit(0, "break", _BAD)
    made.git("mv", "pytest.ini", "tests/pytest.ini")
    bad = made.commit(0, "move pytest.ini")
    yield Question("pytest.ini", made, _tests(good, bad), Expected((0,), culprit))


def order(project: Projects) -> Questions:
    """A test fails only after another one, since a commit from which that one leaves a file."""
    made = project()
    good = made.commit(0, files={"pkg.py": _LEAK.format(0), **_ORDER})
    made.commit(0)
    culprit = made.commit(0, "leak", {"pkg.py": _LEAK.format(1)})
    bad = made.commit(0)
    yield Question("--pytest", made, _tests(good, bad), Expected((0,), culprit))


def hidden_commits(project: Projects) -> Questions:
    """The check imports the same installed project at every commit; only the test differs."""
    made = project()
    good = made.commit(0, files={"src/pkg.py": "VALUE = 0\n", **_LENIENT})
    tightened = made.commit(0, "tighten the test", _TEST)
    made.commit(0)
    made.commit(0, "break", {"src/pkg.py": "VALUE = 1\n"})
    bad = made.commit(0)
    suspect = Expected((3,), tightened, or_none=True, matches=("may be wrong",))
    python = _editable_install(made.path)
    imports = (python, "-c", "import sys; sys.path.append('tests'); import test_pkg; test_pkg.test_value()")
    yield Question("editable install", made, search(good, bad, *imports), suspect)
    linked, clone = made.path.parent / "linked", made.path.parent / "clone"
    made.git("worktree", "add", "--quiet", "--detach", str(linked), bad)
    made.git("clone", "--quiet", str(made.path), str(clone))
    plain = (sys.executable, *imports[1:])
    for folder in (linked, clone):
        path = {"PYTHONPATH": str(folder / "src")}
        yield Question(f"PYTHONPATH, {folder.name}", made, search(good, bad, *plain), suspect, path)


def _editable_install(checkout: Path) -> str:
    """A virtual environment without pip whose Python imports `src` of the checkout."""
    environment = checkout.parent / "venv"
    site = environment / f"lib/python3.{sys.version_info.minor}/site-packages"
    site.mkdir(parents=True)
    (site / "_pkg.pth").write_text(f"{checkout / 'src'}\n", encoding="utf-8")
    base = sys.base_prefix
    (environment / "pyvenv.cfg").write_text(f"home = {base}/bin\n", encoding="utf-8")
    (environment / "bin").mkdir()
    python = environment / "bin/python"
    python.symlink_to(f"{base}/bin/python3.{sys.version_info.minor}")
    return str(python)


CASES = (
    Case("tests-that-appear", "idoft#1784, GitCat#114", tests_that_appear),
    Case("imports-that-break", "cargo-bisect-rustc#398", imports_that_break),
    Case("configuration-moves", "pytest's rootdir and node ids", configuration_that_moves),
    Case("test-order", "pytest-randomly#17", order),
    Case("hidden-commits", "cap-evolve#349, autonomous-dev#1397", hidden_commits),
)
