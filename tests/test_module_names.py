"""Pytest can import every test module in one run only if their names differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
OF_A_FOLDER = {"conftest.py", "__init__.py"}


def test_modules_have_unique_names():
    names = Counter(file.name for file in TESTS.rglob("*.py") if file.name not in OF_A_FOLDER)
    assert [name for name, count in names.items() if count > 1] == []
