"""A trial of a Python project's tests: its cells and their results."""

from __future__ import annotations

import sys

import pytest

TEST = """
import pytest

def test_value():
    pass

@pytest.mark.parametrize("x", ["[", "a::b", "\\u00e9*?", "-x", " ", "x" * 300])
def test_same(x):
    assert x

class TestClass:
    def test_method(self):
        assert 0
"""
CLASS = "tests/test_thing.py::TestClass::test_method"
VALUE, OTHER = "tests/test_thing.py::test_value", "tests/test_b.py::test_value"


@pytest.mark.parametrize(
    ("asked", "targets", "cells"),
    [
        ({}, ("tests/test_thing.py::TestClass",), {CLASS}),
        ({}, (CLASS,), {CLASS}),
        ({"patterns": ("*method",)}, ("tests",), {CLASS}),
        ({"patterns": ("test_value",)}, ("tests",), {VALUE, OTHER}),
        ({"patterns": ("tests/test_b*",)}, ("tests",), {OTHER}),
        ({}, ("tests/test_b.py", VALUE), {VALUE, OTHER}),
        ({}, ("tests/test_b.py", "tests/gone.py"), {OTHER}),
        ({"args": ("-k", "method")}, (".",), {CLASS}),
        ({"cells": (OTHER,)}, ("tests",), {OTHER}),
    ],
)
def test_selected_tests_are_run(tree, asked, targets, cells):
    tree.write({"tests/test_thing.py": TEST, "tests/test_b.py": "def test_value(): pass\n"})
    assert set(tree.run(*targets, **asked)) == cells, tree.output


def test_cell_name_selects_its_test(tree):
    tree.write({"tests/test_thing.py": TEST})
    names = list(tree.run("tests/test_thing.py::test_same"))
    assert len(names) == 6
    for name in names:
        assert tree.outcomes("tests/test_thing.py::test_same", cells=(name,)) == {name: "passed"}


def test_missing_test_is_errored(tree):
    tree.write({"tests/test_thing.py": TEST})
    cells = (VALUE, OTHER, "tests/test_thing.py::test_same[new]")
    found = tree.run(cells=cells)
    assert [str(found[cell].outcome) for cell in cells] == ["passed", "errored", "errored"]
    assert found[OTHER].reason == "there is no such test at this commit"


@pytest.mark.parametrize(
    ("place", "broken"),
    [
        ("conftest.py", "def f(:\n"),
        ("tests/conftest.py", "import no_such_module\n"),
        ("tests/conftest.py", "1 / 0\n"),
        ("tests/deep/conftest.py", "1 / 0\n"),
        ("tests/test_b.py", "import no_such_module\n"),
        ("tests/test_b.py", "def f(:\n"),
        ("tests/test_b.py", "raise SystemExit(0)\n"),
    ],
)
def test_file_that_cannot_be_collected_is_a_cell(tree, place, broken):
    tree.write({"tests/deep/test_a.py": "def test_a(): pass\n", place: broken})
    assert tree.outcomes()[place] == "failed", tree.output
    assert tree.outcomes(cells=(place,)) == {place: "failed"}


@pytest.mark.parametrize(
    "place", ["tests/conftest.py", "tests/deep/conftest.py", "conftest.py", "tests/test_b.py"]
)
def test_file_cell_passes_where_it_can_be_collected(tree, place):
    tree.write({"tests/deep/test_a.py": "def test_a(): pass\n", place: ""})
    assert tree.outcomes(cells=(place,)) == {place: "passed"}
    (tree.root / "tree" / place).unlink()
    without = "passed" if place.endswith("conftest.py") else "errored"
    assert tree.outcomes(cells=(place,)) == {place: without}


def test_file_that_cannot_be_collected_does_not_stop_others(tree):
    tree.write({"tests/test_thing.py": TEST, "tests/test_b.py": "import no_such_module\n"})
    found = tree.run()
    assert str(found[VALUE].outcome) == "passed"
    signature = found["tests/test_b.py"].failure.signature
    assert (signature.exception, signature.message) == (
        "ModuleNotFoundError",
        "No module named 'no_such_module'",
    )
    assert signature.frame.endswith("tests/test_b.py:<module>")
    assert "cannot be read" in tree.run(cells=(OTHER,))[OTHER].reason


def test_file_that_skips_itself_has_a_reason(tree):
    tree.write(
        {"tests/test_b.py": "import pytest\npytest.importorskip('no_such_module')\ndef test_value(): pass\n"}
    )
    found = tree.run(cells=(OTHER,))[OTHER]
    assert str(found.outcome) == "skipped"
    assert "no_such_module" in found.reason


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = -x --strict-markers -p no:doctest\n"),
        ("pytest.ini", "[pytest]\naddopts = --maxfail=1 --stepwise -q -q --tb=no --no-header\n"),
        ("pytest.ini", "[pytest]\naddopts = --lf --ff -W error --strict-config\n"),
        ("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider -p no:terminal\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-n auto --cov=thing --cov-report=xml'\n"),
        ("tox.ini", "[pytest]\naddopts = -p xdist -n 2 --dist loadscope\n"),
        ("setup.cfg", "[tool:pytest]\naddopts = --cov --no-cov\n"),
        ("tests/pytest.ini", "[pytest]\naddopts = -x\n"),
        ("pytest.ini", "[pytest]\naddopts = --collect-only --setup-plan\n"),
        ("pytest.ini", "[pytest]\naddopts = --setup-only --fixtures --markers --cache-show --pdb --trace\n"),
        ("conftest.py", "def pytest_collection_modifyitems(items): items.reverse()\n"),
    ],
)
def test_options_of_a_configuration_do_not_break_the_run(tree, file, text):
    test = "def test_a(): assert 0\ndef test_b(): assert 0\ndef test_c(): pass\n"
    tree.write({"tests/test_it.py": test, file: text})
    names = [f"tests/test_it.py::test_{name}" for name in "abc"]
    assert tree.outcomes() == dict(zip(names, ("failed", "failed", "passed"), strict=True)), tree.output


def test_expected_failure_passes(tree):
    """As in CI: a test fails if its failure is unexpected, or strictly expected and missing."""
    test = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_a(): assert {}\n"
    name = "tests/test_it.py::test_a"
    tree.write({"tests/test_it.py": test.format(0)})
    assert tree.outcomes() == {name: "passed"}
    tree.write({"tests/test_it.py": test.format(1)})
    found = tree.run()[name]
    assert str(found.outcome) == "failed"
    assert "XPASS(strict)" in str(found.failure.signature)
    tree.write({"tests/test_it.py": "import pytest\ndef test_a(): pytest.xfail('no server here')\n"})
    assert tree.outcomes() == {name: "skipped"}


def test_tests_that_pytest_does_not_reach_have_a_reason(tree):
    tree.write({"tests/test_it.py": "import pytest\ndef test_a(): pytest.exit('no')\ndef test_b(): pass\n"})
    reason = tree.run()["tests/test_it.py::test_b"].reason
    assert reason == "did not run: pytest ended before it with exit code 2"


def test_shuffling_plugin_is_disabled(tree):
    """Order-dependent failures are found from the order in which cells ran."""
    (tree.root / "random_order.py").write_text("def pytest_collection_modifyitems(items): items.reverse()\n")
    tree.write({"tests/test_it.py": "def test_a(): pass\ndef test_b(): pass\n"})
    env = {"PYTHONPATH": str(tree.root)}
    assert list(tree.outcomes(args=("-p", "random_order"), env=env)) == [
        "tests/test_it.py::test_a",
        "tests/test_it.py::test_b",
    ]


@pytest.mark.parametrize(
    ("how", "word"), [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 11)", "SIGSEGV")]
)
def test_test_that_ends_its_process_failed(tree, how, word):
    tree.write(
        {"tests/test_it.py": f"import os\ndef test_a(): pass\ndef test_b(): {how}\ndef test_c(): pass\n"}
    )
    found = tree.run()
    assert [str(result.outcome) for result in found.values()] == ["passed", "failed", "errored"]
    assert word in str(found["tests/test_it.py::test_b"].failure.root.message)


LAYOUTS = {
    "flat": ("thing.py", ""),
    "src": ("src/thing.py", ""),
    "declared": ("lib/python/thing.py", "[tool.setuptools.package-dir]\n'' = 'lib/python'\n"),
    "of one of several": ("packages/one/src/thing.py", ""),
}
HERE_AND_THERE = (
    "import subprocess, sys\nimport thing\n\n"
    "def test_here():\n    assert thing.VALUE == 'tree'\n\n"
    "def test_there():\n"
    "    code = 'import thing, sys; sys.exit(thing.VALUE != \"tree\")'\n"
    "    assert subprocess.call([sys.executable, '-c', code], cwd='/') == 0\n"
)


@pytest.mark.parametrize(
    ("layout", "way"),
    [
        ("flat", "path"),
        ("src", "path"),
        ("src", "finder"),
        ("src", "finder before Python's"),
        ("declared", "finder"),
        ("of one of several", "finder before Python's"),
    ],
)
def test_tree_takes_precedence_over_editable_installs(tree, editable, tmp_path, layout, way):
    """So is it by processes that a test starts."""
    place, project = LAYOUTS[layout]
    folder = "packages/one/" if place.startswith("packages") else ""
    tests = {f"{folder}tests/test_it.py": HERE_AND_THERE, f"{folder}pyproject.toml": project}
    tree.write({place: "VALUE = 'tree'\n", **tests})
    checkout = tmp_path / "checkout"
    (checkout / place).parent.mkdir(parents=True)
    (checkout / place).write_text("VALUE = 'checkout'\n")
    python = editable(way, checkout, place)
    found = tree.outcomes(f"{folder}tests", python=python, checkout=str(checkout))
    assert list(found.values()) == ["passed", "passed"], tree.output


def test_sibling_package_is_imported_from_the_tree(tree, editable, tmp_path):
    """Its folder is outside of the project whose tests run: only the editable install names it."""
    place = "packages/two/thing.py"
    tree.write({place: "VALUE = 'tree'\n", "packages/one/tests/test_it.py": HERE_AND_THERE})
    checkout = tmp_path / "checkout"
    (checkout / place).parent.mkdir(parents=True)
    (checkout / place).write_text("VALUE = 'checkout'\n")
    for way in ("path", "finder before Python's"):
        python = editable(way, checkout, place)
        found = tree.outcomes("packages/one/tests", python=python, checkout=str(checkout))
        assert list(found.values()) == ["passed", "passed"], tree.output
        (tmp_path / "venv").rename(tmp_path / f"venv {way}")


def test_sitecustomize_of_the_environment_runs(tree):
    (tree.root / "sitecustomize.py").write_text("import os\nos.environ['SEEN'] = 'yes'\n")
    tree.write({"tests/test_it.py": "import os\ndef test_a(): assert os.environ['SEEN'] == 'yes'\n"})
    found = tree.outcomes(python=sys.executable, env={"PYTHONPATH": str(tree.root)})
    assert found == {"tests/test_it.py::test_a": "passed"}


def test_error_of_a_child_process_is_the_root(tree):
    code = (
        "import sys; print('(EngineCore pid=7) ERROR 01-02 10:00:00 [c.py:1] KeyError: 9', file=sys.stderr)"
    )
    body = f"    print('ERROR: mine')\n    subprocess.run([sys.executable, '-c', {code!r}])\n    assert 0\n"
    tree.write({"tests/test_a.py": f"import subprocess, sys\n\n\ndef test_it():\n{body}"})
    (result,) = tree.run("tests/test_a.py").values()
    assert [(event.role, event.exception) for event in result.failure.chain] == [
        ("EngineCore", "KeyError"),
        ("Test", "AssertionError"),
    ]
