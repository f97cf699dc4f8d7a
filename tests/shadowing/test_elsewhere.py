"""Other checkouts of the project that the Pythons of a command import from."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing import Command, import_folders, on_path, shadows


@pytest.fixture
def other(place):
    """A second checkout, beside the one that is bisected."""
    place.write("other/src/pkg/__init__.py")
    return place.root / "other"


def commands(found):
    return [" ".join(each.command) for each in found]


def test_the_path_of_the_environment(place, other):
    command = Command(("pytest", "tests"), {"PYTHONPATH": f"/lib:{other}/src"})
    assert str(other / "src") in map(str, import_folders(command))
    assert on_path(command, other) == ("src",)
    (said,) = shadows(command, other, ("src",), own=False)
    assert said.command == ("env", "PYTHONPATH=/lib:src", "pytest", "tests")
    assert said.hides == ("src",)
    assert f"PYTHONPATH has {other}/src" in said.found
    assert shadows(command, other, (), own=False) == ()
    assert shadows(command, place.checkout, ("src",)) == ()


def test_a_path_that_the_command_or_its_script_sets(place, other):
    words = ("env", f"PYTHONPATH={other}/src", "pytest")
    assert other / "src" in import_folders(Command(words, {}))
    (said,) = shadows(Command(words, {}), other, ("src",), own=False)
    assert said.command == ("env", "PYTHONPATH=src", "pytest")
    assert said.hides == ("src",)
    script = place.write("check.sh", "#!/bin/sh\nexport PYTHONPATH={root}/other/src\npytest\n", 0o755)
    assert other / "src" in import_folders(Command((str(script),), {}))


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
    assert import_folders(command) == (other / "src",)
    assert commands(shadows(command, other, own=False)) == [f"env PYTHONPATH=src {python} -m pytest"]
    assert [each.hides for each in shadows(command, other, own=False)] == [("src",)]
    assert shadows(command, place.checkout) == ()
