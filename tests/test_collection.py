"""Every folder of tests is collected: by default, pytest ignores names such as build."""

from fnmatch import fnmatch
from pathlib import Path

TESTS = Path(__file__).parent


def test_no_folder_with_tests_is_ignored(pytestconfig):
    folders = {file.parent.name for file in TESTS.rglob("test_*.py")}
    assert "build" in folders
    left_out = pytestconfig.getini("norecursedirs")
    assert [each for each in sorted(folders) if any(fnmatch(each, pattern) for pattern in left_out)] == []
