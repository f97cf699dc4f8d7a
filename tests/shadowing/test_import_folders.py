"""Other checkouts of the project from which a command's Python imports."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing import Command, find_import_folders, find_shadows, pythonpath_folders


@pytest.fixture
def other(place):
    """A second checkout, next to the one that is bisected."""
    place.write("other/src/pkg/__init__.py")
    return place.root / "other"


def commands(found):
    return [" ".join(each.command) for each in found]


def test_pythonpath_of_the_environment(place, other):
    command = Command(("pytest", "tests"), {"PYTHONPATH": f"/lib:{other}/src"})
    assert str(other / "src") in map(str, find_import_folders(command))
    assert pythonpath_folders(command, other) == ("src",)
    (shadow,) = find_shadows(command, other, ("src",), is_bisected=False)
    assert shadow.command == ("env", "PYTHONPATH=/lib:src", "pytest", "tests")
    assert shadow.folders == ("src",)
    assert f"PYTHONPATH has {other}/src" in shadow.found
    assert find_shadows(command, other, (), is_bisected=False) == ()
    assert find_shadows(command, place.checkout, ("src",)) == ()


def test_pythonpath_that_the_command_or_its_script_sets(place, other):
    words = ("env", f"PYTHONPATH={other}/src", "pytest")
    assert other / "src" in find_import_folders(Command(words, {}))
    (shadow,) = find_shadows(Command(words, {}), other, ("src",), is_bisected=False)
    assert shadow.command == ("env", "PYTHONPATH=src", "pytest")
    assert shadow.folders == ("src",)
    script = place.write("check.sh", "#!/bin/sh\nexport PYTHONPATH={root}/other/src\npytest\n", 0o755)
    assert other / "src" in find_import_folders(Command((str(script),), {}))


@pytest.mark.parametrize(
    "files",
    [
        {"a.pth": "{root}/other/src\n"},
        {"a.pth": "import __hook\n", "__hook.py": "MAPPING = {{'pkg': '{root}/other/src/pkg'}}\n"},
    ],
)
def test_an_editable_install_of_another_checkout(place, other, files):
    python = str(place.venv(**files))
    command = Command((python, "-m", "pytest"), {"PATH": "/none"})
    assert find_import_folders(command) == (other / "src",)
    assert commands(find_shadows(command, other, is_bisected=False)) == [
        f"env PYTHONPATH=src {python} -m pytest"
    ]
    assert [each.folders for each in find_shadows(command, other, is_bisected=False)] == [("src",)]
    assert find_shadows(command, place.checkout) == ()
