"""The script files that a command needs."""

from __future__ import annotations

import shlex

import pytest

from bisect_tool.options.scripts import scripts_of


@pytest.mark.parametrize(
    ("command", "scripts"),
    [
        ("./t.sh a b.txt", ["./t.sh"]),
        ("make test", []),
        ("sh t.sh", ["t.sh"]),
        ("bash -eu -o pipefail ./t.sh x.sh", ["./t.sh"]),
        ("sh -c './t.sh x.sh'", []),
        ("bash -lc ./t.sh", []),
        ("python3 -W ignore t.py a.py", ["t.py"]),
        ("python -m pytest -q tests/test_a.py::test_x[1]", ["tests/test_a.py"]),
        ("python -m tox t.py", []),
        ("python -c 'import a.b'", []),
        (".venv/bin/python t.py", [".venv/bin/python", "t.py"]),
        ("pytest tests/test_a.py tests/test_b.py tests -k x", ["tests/test_a.py", "tests/test_b.py"]),
        ("pytest --ignore=tests/test_a.py", []),
        ("env A=1 timeout 60 sh t.sh", ["t.sh"]),
        ("timeout -k 5 60s ./t.sh", ["./t.sh"]),
        ("grep -q node package.json", []),
        ("test -e new.py", []),
        ("node --require ./setup.js t.js", ["t.js"]),
        ("perl -e 'a.b'", []),
    ],
)
def test_scripts_of(command, scripts):
    assert list(scripts_of(shlex.split(command))) == scripts
