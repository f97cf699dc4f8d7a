"""The tests of any Python project, each of them a cell with its own culprit."""

from __future__ import annotations

import sys

import pytest

from bisect_tool.cli.app import main

FEW_RUNS = ("--endpoint-runs", "1", "--confidence", "0.8")
"""Nothing here is flaky, and each run starts a pytest."""


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
        selected = [word for target in targets for word in ("--pytest", target)]
        args = ("--good", self.shas[0], "--bad", self.shas[-1], "--json", "--python", python)
        return self.project.run(*args, *FEW_RUNS, *selected, *options)

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
    for number in range(4):
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


def test_rerun_line_has_the_options_of_pytest(tests):
    tests.commit({"thing.py": source(1), "tests/test_thing.py": TEST})
    tests.commit({"thing.py": source(5)})
    options = ("--pytest-args", '-k "not value" -W ignore', "--budget-trials", "1")
    ended = tests.bisect(*options, targets=("tests/test_thing.py::test_same",))
    rerun = ended.document.rerun
    assert "--scenario pytest --profile python --pytest tests/test_thing.py::test_same" in rerun
    assert f"""--pytest-args '-k '"'"'not value'"'"' -W ignore' --python {sys.executable}""" in rerun
    assert len(ended.document.cells) == 5


def test_missing_test_gives_no_result(tests):
    """A test whose file or parameter is added later."""
    early = "import pytest\n@pytest.mark.parametrize('x', [1])\ndef test_p(x):\n    assert x == 1\n"
    late = early.replace("[1]", "[1, 2]").replace("x == 1", "__import__('thing').VALUE < 4")
    tests.commit({"thing.py": source(1), "tests/test_p.py": early})
    tests.commit({"thing.py": source(2), "tests/test_p.py": late, "tests/test_new.py": late})
    tests.commit({"thing.py": source(4)})
    found = tests.culprits(tests.bisect())
    assert found["tests/test_p.py::test_p[1]"] == 2
    # A test that never passed may have failed since it was added.
    assert set(found.values()) <= {2, None}
    pinned = tests.culprits(tests.bisect("--tests-from", tests.shas[-1]))
    assert set(pinned.values()) == {2}
    assert len(pinned) == 4


def test_options_that_select_no_test_are_reported(tests):
    tests.commit({"tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"tests/test_a.py": "def test_a(): assert 0\n"})
    ended = tests.bisect("--cells", "*nope*", "--pytest-args", "-k a", "--endpoint-runs", "1")
    reason = "no test is selected at this commit by --cells '*nope*' and --pytest-args '-k a'"
    assert (ended.code, ended.document.conclusion) == (4, f"no result at the bad commit: {reason}")


def test_file_that_cannot_be_imported_is_a_separate_cell(tests):
    other = "import thing\n\ndef test_other():\n    assert thing.VALUE < 4\n"
    test = "from thing import same\n\ndef test_same():\n    assert same(1) == 1\n"
    tests.commit({"thing.py": source(1), "tests/test_same.py": test, "tests/test_other.py": other})
    tests.commit({"thing.py": "VALUE = 3\n"})
    tests.commit({"thing.py": "VALUE = 4\n"})
    ended = tests.bisect()
    assert tests.culprits(ended) == {"tests/test_other.py::test_other": 2, "tests/test_same.py": 1}
    failure = ended.document.cells["tests/test_same.py"].signature
    assert "ImportError: cannot import name 'same'" in failure


def test_temporary_import_error_gives_no_result_for_the_tests_of_a_file(tests):
    test = "import thing\n\ndef test_value():\n    assert thing.VALUE < 4\n"
    other = "def test_other(): pass\n"
    tests.commit({"thing.py": source(1), "tests/test_a.py": test, "tests/test_b.py": other})
    tests.commit({"thing.py": source(2)})
    tests.commit({"tests/test_a.py": f"import no_such_module\n{test}"})
    tests.commit({"thing.py": source(3), "tests/test_a.py": test})
    tests.commit({"thing.py": source(4)})
    ended = tests.bisect()
    assert tests.shas[2] in {trial.sha for trial in ended.document.trials}
    assert tests.culprits(ended) == {"tests/test_a.py::test_value": 4, "tests/test_b.py::test_other": None}


def test_a_conftest_that_cannot_be_imported_has_a_culprit(tests):
    tests.commit({"tests/conftest.py": "", "tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"tests/conftest.py": "import no_such_module\n"})
    ended = tests.bisect()
    assert ended.code == 0, ended.stderr
    assert tests.culprits(ended) == {"tests/conftest.py": 1}


@pytest.mark.parametrize("how", ["time.sleep(600)", "os.kill(os.getpid(), 11)"])
def test_hang_or_crash_is_attributed_to_the_running_test(tests, how):
    test = (
        "import os, time, thing\n\ndef test_a(): pass\n\n"
        f"def test_b():\n    if thing.VALUE > 2: {how}\n\n"
        "def test_c(): pass\n"
    )
    tests.commit({"thing.py": source(1), "tests/test_it.py": test})
    tests.commit({"thing.py": source(3)})
    passes = ("--rev", tests.shas[0], "--pytest", "tests", "--python", sys.executable)
    deadline = tests.project.deadline(4, *passes) if "sleep" in how else "60"
    ended = tests.bisect("--deadline", deadline)
    found = tests.culprits(ended)
    assert found["tests/test_it.py::test_b"] == 1, ended.stderr
    assert found["tests/test_it.py::test_a"] is None


def test_several_slots_find_the_same(tests):
    for number in range(3):
        tests.commit({"thing.py": source(number + 1), "tests/test_thing.py": TEST})
    found = tests.culprits(tests.bisect("--slots", "3", targets=("tests/test_thing.py::TestClass",)))
    assert found == {"tests/test_thing.py::TestClass::test_method": 1}


def test_test_that_only_the_checkout_has_gets_a_hint(tests):
    tests.commit({"tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"name": "x"})
    (tests.project.path / "tests" / "test_new.py").write_text("def test_new(): assert 0\n")
    ended = tests.bisect(targets=("tests/test_new.py",))
    assert ended.code == 2
    assert "Your checkout has it: add --tests-from HEAD. Commit it first if it is new." in ended.stderr


def test_unknown_test_name_gets_a_hint(tests):
    tests.commit({"tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"name": "x"})
    ended = tests.bisect("--endpoint-runs", "1", targets=("tests/test_a.py::test_b",))
    assert ended.code == 4
    assert "`pytest --collect-only -q` lists the tests. --pytest takes FILE::NAME" in ended.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--pytest", "no/tests"), "no/tests does not exist at "),
        (("--pytest", "tests", "--python", "no-such-python"), "--python no-such-python is not a program"),
        (
            ("--pytest", "tests", "--pytest-args", "'"),
            "--pytest-args is not valid shell syntax: No closing quotation",
        ),
        (("--pytest", "tests", "--pytest-args", "-q --co"), "with --co, pytest runs no tests"),
        (("--pytest", ""), "--pytest is empty"),
        (("--python", sys.executable), "--python needs --pytest"),
        (("--scenario", "pytest"), "scenario pytest needs --pytest"),
    ],
)
def test_wrong_pytest_options_are_usage_errors(tests, monkeypatch, capsys, args, message):
    tests.commit({"tests/test_a.py": "def test_a(): pass\n"})
    tests.commit({"name": "x"})
    monkeypatch.chdir(tests.project.path)
    for name, value in tests.project.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["--good", tests.shas[0], "--bad", tests.shas[1], *args])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
