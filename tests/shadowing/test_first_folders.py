"""Folders that a command's Python searches before installed packages."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.first_folders import first_folders

PYPROJECT = """
[tool.pytest.ini_options]
pythonpath = ["./src"]
addopts = ["--import-mode=importlib", "-ra"]
testpaths = "tests"
"""


def first(files, *argv):
    texts = dict.fromkeys(files, "") if not isinstance(files, dict) else files
    return first_folders(Command(argv, {}), texts.get)


@pytest.mark.parametrize(
    ("argv", "folders"),
    [
        (("python3", "-m", "unittest"), {"."}),
        (("/x/python3.11", "-c", "import x"), {"."}),
        (("python", "-u", "-W", "error", "-X", "dev", "-m", "unittest"), {"."}),
        (("python", "-um", "unittest"), {"."}),
        (("sh", "-c", "cd x; python -m unittest"), {"."}),
        (("python3", "check.py", "-m", "slow"), {"."}),
        (("python3", "./tools/check.py"), {"tools"}),
        (("python3", "/elsewhere/check.py"), set()),
        (("python3", "of-no-commit.py"), set()),
        (("python", "-I", "-m", "unittest"), set()),
        (("python", "-P", "-c", "import x"), set()),
        (("make", "check"), set()),
    ],
)
def test_folders_of_python(argv, folders):
    assert first(("check.py", "tools/check.py"), *argv) == folders


@pytest.mark.parametrize(
    ("files", "argv", "folders"),
    [
        ((), ("pytest", "tests/test_a.py"), {"tests"}),
        ((), ("pytest", "-k", "slow", "tests/test_a.py::test_b"), {"slow", "tests"}),
        (("tests/__init__.py",), ("pytest", "tests/test_a.py"), {"."}),
        (("tests/__init__.py",), ("pytest",), {".", "test"}),
        (("src/pkg/__init__.py", "src/pkg/tests/__init__.py"), ("pytest", "src/pkg/tests"), {"src"}),
        (("conftest.py",), ("/x/bin/pytest", "tests"), {".", "tests"}),
        (("conftest.py", "__init__.py"), ("pytest", "tests"), {"tests"}),
        (("conftest.py",), ("pytest", "--import-mode=importlib", "tests"), set()),
        ((), ("python", "-m", "pytest", "tests"), {".", "tests"}),
        ((), ("sh", "-c", "pytest tests || exit 1"), {"tests"}),
        ({"pytest.ini": "[pytest]\npythonpath = src lib/\n"}, ("pytest", "t"), {"src", "lib", "t"}),
        ({"setup.cfg": "[tool:pytest]\npythonpath = src\n"}, ("pytest", "t"), {"src", "t"}),
        ({"pyproject.toml": PYPROJECT}, ("pytest",), {"src"}),
        ({"pyproject.toml": "no = [toml"}, ("pytest", "t"), {"t"}),
        ({"tox.ini": "no ini"}, ("pytest", "t"), {"t"}),
    ],
)
def test_folders_of_pytest(files, argv, folders):
    assert first(files, *argv) == folders
