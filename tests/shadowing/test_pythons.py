"""Which Python a command runs."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing.command_words import Command
from bisect_tool.shadowing.pythons import named_pythons, pythons

PYTHON = "{root}/env/bin/python"


@pytest.fixture
def found(place):
    """The Pythons that a command runs, with `{root}` filled in; `bin` is on its path."""
    place.venv("env")
    place.venv("active")
    for name in ("python", "python3"):
        place.write(f"bin/{name}", "\0", 0o755)
    place.write("env/bin/pytest", "#!{root}/env/bin/python\nimport pytest\n", 0o755)
    place.write("env/bin/far", "#!/bin/sh\n'''exec' \"{root}/env/bin/python\" \"$0\" \"$@\"\n' '''\n", 0o755)
    place.write("bin/tool", "#!/usr/bin/env -S python3 -u\n", 0o755)
    place.write("check.sh", '#!/bin/sh\nset -e\n{root}/env/bin/python -m pytest "$@"\n', 0o755)
    place.write("activates.sh", ". {root}/env/bin/activate\npytest\n", 0o755)
    place.write("odd.sh", "#!/bin/sh\necho it's {root}/env/bin/python\n", 0o755)

    def of(*argv, **environ):
        words = tuple(word.format(root=place.root) for word in argv)
        env = {"PATH": str(place.root / "bin")} | {
            name: value.format(root=place.root) for name, value in environ.items()
        }
        return [str(each.relative_to(place.root)) for each in pythons(Command(words, env))]

    return of


@pytest.mark.parametrize(
    "argv",
    [
        (PYTHON, "-m", "pytest"),
        ("{root}/env/bin/pytest", "tests"),
        ("{root}/env/bin/far",),
        ("env", "A=b", PYTHON, "x.py"),
        ("timeout", "60", PYTHON),
        ("sh", "-c", f"cd x && {PYTHON} -m pytest || exit 1"),
        ("sh", "-c", f"PYTHON={PYTHON} make check"),
        ("bash", "-c", "source {root}/env/bin/activate && pytest"),
        ("{root}/check.sh",),
        ("sh", "{root}/check.sh"),
        ("sh", "-c", "{root}/check.sh || exit 1"),
        ("{root}/activates.sh",),
        ("{root}/odd.sh",),
        ("make", f"PYTHON={PYTHON}"),
    ],
)
def test_python_that_the_command_names(found, argv):
    assert found(*argv, VIRTUAL_ENV="{root}/active") == ["env/bin/python"]


def test_python_on_the_path(found):
    assert found("python3", "-m", "pytest") == ["bin/python3"]
    assert found("tool") == ["bin/python3"]
    assert found("pytest", PATH="{root}/env/bin") == ["env/bin/python"]


def test_command_that_names_no_python_may_run_any_on_the_path(found):
    assert found("make", "check") == ["bin/python3", "bin/python"]
    active = {"VIRTUAL_ENV": "{root}/active"}
    assert found("poetry", "run", "pytest", **active) == ["active/bin/python", "bin/python3", "bin/python"]


@pytest.mark.parametrize("launcher", ["uv", "tox", "nox", "hatch"])
def test_a_launcher_with_an_environment_for_each_tree(found, launcher):
    assert found(launcher, "run", "python", VIRTUAL_ENV="{root}/active") == []


def test_uv_in_the_active_environment(found):
    assert found("uv", "run", "--active", "tool") == ["bin/python3"]


def test_python_of_a_script_of_the_commits(place):
    python = place.write("bin/python3", "\0", 0o755)
    own = {"run": "#!/usr/bin/env python3\n", "all.sh": "set -e\npython3 -m pytest\n"}
    env = {"PATH": str(python.parent)}
    assert named_pythons(Command(("./run",), env, own)) == (python,)
    assert named_pythons(Command(("sh", "all.sh"), env, own)) == (python,)
    assert named_pythons(Command(("./run",), env)) == ()


def test_two_names_of_one_python_beside_each_other_are_one(found, place):
    (place.root / "active/bin/python3").symlink_to("python")
    found_by_anything = found("make", PATH="{root}/active/bin", VIRTUAL_ENV="{root}/active")
    assert found_by_anything == ["active/bin/python"]
    assert found("make") == ["bin/python3", "bin/python"]
