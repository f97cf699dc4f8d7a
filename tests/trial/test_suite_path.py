"""What a suite's process can import of this package."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import bisect_tool
from bisect_tool.trial.cells import collect_cells

SUITE = """
import os
from importlib.util import find_spec

assert {root!r} in os.environ["PYTHONPATH"].split(os.pathsep)
assert find_spec("bisect_tool") is not None
assert find_spec("planner") is None


def test_one():
    pass
"""


def test_suite_imports_the_package_but_no_module_by_a_bare_name(tmp_path):
    root = Path(bisect_tool.__file__).parents[1]
    suite = tmp_path / "test_it.py"
    suite.write_text(SUITE.format(root=str(root)))
    scenario = SimpleNamespace(folder=tmp_path, suite=suite.name, suite_path=suite)
    assert collect_cells(scenario) == ("test_one",)
