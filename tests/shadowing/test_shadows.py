"""What shadows the commits' code, and the command that tests the commits."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing import Command, find_entering_scripts, find_shadows, paths_named_by

EDITABLE = {"a.pth": "{checkout}/src\n"}


@pytest.fixture
def found(place):
    """A function: a command -> the commands that test the commits, with `CO` for the checkout."""

    def of(*argv, tracked=(), **environ):
        names = {"root": place.root, "checkout": place.checkout}
        words = tuple(word.format_map(names) for word in argv)
        env = {"PATH": "/none"} | {name: value.format_map(names) for name, value in environ.items()}
        shadow = find_shadows(Command(words, env), place.checkout, tracked)
        return [" ".join(each.command).replace(str(place.checkout), "CO") for each in shadow]

    return of


def test_an_editable_install(place, found):
    place.venv(**EDITABLE)
    python = "{checkout}/.venv/bin/python"
    assert found(python, "-m", "pytest") == ["env PYTHONPATH=src CO/.venv/bin/python -m pytest"]
    (shadow,) = find_shadows(Command((python.format(checkout=place.checkout),), {}), place.checkout)
    assert f"imports the project from your checkout, {place.checkout}/src, at every commit" in shadow.found


def test_the_user_s_own_path_is_kept(place, found):
    place.venv(**EDITABLE)
    words = ("{checkout}/.venv/bin/python", "-m", "pytest")
    assert found(*words, PYTHONPATH="/lib") == ["env PYTHONPATH=src:/lib CO/.venv/bin/python -m pytest"]


def test_a_flat_layout(place, found):
    """`python -m` puts the tree first by itself, `pytest` does not."""
    place.venv(**{"a.pth": "{checkout}\n"})
    place.write("project/.venv/bin/pytest", "#!{checkout}/.venv/bin/python\n", 0o755)
    assert found("{checkout}/.venv/bin/python", "-m", "pytest") == []
    assert found("{checkout}/.venv/bin/pytest") == ["env PYTHONPATH=. CO/.venv/bin/pytest"]


def test_an_install_that_has_to_be_built(place, found):
    place.venv(**{"a.pth": "import hook\n", "hook.py": "SOURCE = '{checkout}/src'"})
    made = "CO/.venv/bin/python -m venv .venv && . .venv/bin/activate && pip install -q -e ."
    python = "{checkout}/.venv/bin/python"
    assert found(python, "-m", "pytest", "a b") == [f"sh -c {made} || exit 125; python -m pytest 'a b'"]
    assert found("sh", "-c", f"{python} -m pytest || exit 1") == [
        f"sh -c {made} || exit 125; python -m pytest || exit 1"
    ]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("make", "-C", "{checkout}", "check"), "make -C . check"),
        (("sh", "-c", "cd {checkout} && make"), "sh -c cd . && make"),
        (("pytest", "{checkout}/tests/test_x.py::test_a"), "pytest tests/test_x.py::test_a"),
        (("pytest", "--rootdir={checkout}/tests"), "pytest --rootdir=tests"),
    ],
)
def test_checkout_that_the_command_names(found, argv, expected):
    assert found(*argv, tracked=("tests", "tests/test_x.py")) == [expected]


def test_a_checkout_that_a_script_names(place, found):
    place.write("check.sh", "#!/bin/sh\ncd {checkout}\nmake\n", 0o755)
    assert found("{root}/check.sh") == [""]


@pytest.mark.parametrize(
    "argv", [("make",), ("sh", "-c", "cd {checkout}-other"), ("cat", "{checkout}/new.txt")]
)
def test_paths_outside_the_commits_are_ignored(found, argv):
    assert found(*argv) == []


SHELL, ITSELF = "#!/bin/sh\n", 'cd "$(dirname "$0")"\n'


@pytest.mark.parametrize(
    ("text", "argv", "expected"),
    [
        (
            "import pkg\n",
            ("python3", "{checkout}/check.py"),
            "cp CO/check.py ./check.py && python3 ./check.py",
        ),
        (
            SHELL + ITSELF,
            ("{checkout}/check.sh", "-v"),
            "cp CO/check.sh ./check.sh && ./check.sh -v",
        ),
        (
            "cd ${{0%/*}}/..",
            ("sh", "{checkout}/a/b.sh"),
            "mkdir -p a && cp CO/a/b.sh a/b.sh && sh a/b.sh",
        ),
        (
            "#!/bin/bash\ncd ${{BASH_SOURCE[0]%/*}}",
            ("sh", "-c", "{checkout}/check.sh || exit 1"),
            "cp CO/check.sh ./check.sh && ./check.sh || exit 1",
        ),
    ],
)
def test_script_that_uses_its_own_folder_is_copied(place, found, text, argv, expected):
    name = next(word for word in argv if "{checkout}" in word).partition(" ")[0]
    place.write(name.replace("{checkout}", "project"), text, 0o755)
    assert found(*argv) == [f"sh -c {expected}"]


def test_script_that_ignores_its_own_folder_is_not_copied(place, found):
    place.write("project/check.sh", "#!/bin/sh\nexec make check\n", 0o755)
    place.write("check.py", "import pkg\n", 0o755)
    assert found("{checkout}/check.sh") == []
    assert found("python3", "{root}/check.py") == []


@pytest.mark.parametrize(
    ("program", "is_found"),
    [
        ("cp {checkout}/check.sh . && ./check.sh", False),
        ("mkdir -p ci && cp -p '{checkout}/check.sh' ci/check.sh && ci/check.sh", False),
        ("cp {checkout}/check.sh . && {checkout}/check.sh", True),
        ("scp {checkout}/check.sh host:", True),
    ],
)
def test_script_that_is_copied_into_the_tree_is_not_reported(place, found, program, is_found):
    place.write("project/check.sh", SHELL + ITSELF, 0o755)
    assert bool(found("sh", "-c", program)) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (ITSELF, True),
        ('set -e; cd -- "${{0%/*}}"\n', True),
        ('# cd "$(dirname "$0")"\n', False),
        ('. "$(dirname "$0")/library.sh"\n', False),
        ('here=$(cd "$(dirname "$0")" && pwd)\n', False),
    ],
)
def test_scripts_that_change_into_their_folder(place, text, is_found):
    path = place.write("project/check.sh", SHELL + text, 0o755)
    found = find_entering_scripts(Command((str(path),), {}), place.checkout)
    expected = "check.sh is run from your checkout, and it changes into its own folder, at every commit"
    assert [each.found for each in found] == [expected] * is_found


@pytest.fixture
def modules(place):
    """The `node_modules` of a checkout that is a workspace."""
    place.write("project/node_modules/.bin/jest", "#!/usr/bin/env node\n", 0o755)
    place.write("project/packages/core/package.json", "{{}}")
    place.write("project/package-lock.json", "{{}}")
    return place.checkout / "node_modules"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("{checkout}/node_modules/.bin/jest", "-i"), "npm ci || exit 125; node_modules/.bin/jest -i"),
        (("npx", "jest"), "npm ci || exit 125; npx jest"),
        (("sh", "-c", "npx jest || exit 1"), "npm ci || exit 125; npx jest || exit 1"),
        (
            ("sh", "-c", "ln -s {checkout}/node_modules . && node x.js"),
            "npm ci || exit 125; ln -s node_modules . && node x.js",
        ),
    ],
)
@pytest.mark.usefixtures("modules")
def test_node_modules(found, argv, expected):
    assert found(*argv) == [f"sh -c {expected}"]


@pytest.mark.usefixtures("modules")
def test_node_modules_by_a_variable(found):
    assert found("make", NODE_PATH="{checkout}/node_modules") == ["sh -c npm ci || exit 125; make"]
    assert found("make") == []


@pytest.mark.usefixtures("modules")
def test_node_modules_that_the_check_installs(found):
    assert found("sh", "-c", "npm ci && npx jest") == []


def test_links_of_a_workspace_are_reported(modules, place):
    (modules / "@me").mkdir()
    (modules / "@me" / "core").symlink_to("../../packages/core")
    (shadow,) = find_shadows(Command(("npx", "jest"), {}), place.checkout)
    assert f"{modules} links @me/core to your checkout" in shadow.found


@pytest.mark.parametrize(
    ("lock", "install"),
    [
        ("yarn.lock", "yarn install --frozen-lockfile"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        ("none", "npm install"),
    ],
)
def test_install_command_of_node_modules(place, found, lock, install):
    place.write("project/node_modules/x/package.json", "{{}}")
    place.write(f"project/{lock}")
    assert found("npx", "jest") == [f"sh -c {install} || exit 125; npx jest"]


def test_the_paths_that_a_command_names(place):
    argv = ("sh", "-c", f"cd {place.checkout}/src && make -C {place.checkout}", f"{place.checkout}/../x")
    assert paths_named_by(argv, place.checkout) == ("src", ".")


@pytest.fixture
def hides(place):
    """A function: a command -> the folders certainly imported from the checkout."""

    def of(*argv, tracked=(), read=None, own=None, **environ):
        names = {"root": place.root, "checkout": place.checkout}
        words = tuple(word.format_map(names) for word in argv)
        env = {name: value.format_map(names) for name, value in environ.items()}
        command = Command(words, env, own or {})
        found = find_shadows(command, place.checkout, tracked, (read or {}).get)
        return [folder for shadow in found for folder in shadow.folders]

    return of


def test_named_interpreter_certainly_imports_its_editable_install(place, hides):
    place.venv(**EDITABLE)
    bin_folder = str(place.checkout / ".venv/bin")
    assert hides("{checkout}/.venv/bin/python", "-m", "pytest") == ["src"]
    assert hides("python", "-m", "pytest", PATH=bin_folder) == ["src"]
    assert hides("./all.sh", PATH=bin_folder, own={"all.sh": "python -m pytest\n"}) == ["src"]


def test_python_that_a_program_may_start_is_uncertain(place, hides):
    place.venv(**EDITABLE)
    assert hides("make", "check", PATH=str(place.checkout / ".venv/bin")) == []


def test_installed_copy_does_not_make_a_culprit_doubtful(place, hides):
    place.write("project/pyproject.toml", '[project]\nname = "pkg"\n')
    python = place.venv(**{"pkg-1.0.dist-info/METADATA": ""})
    assert hides(str(python), "-m", "pytest") == []


@pytest.mark.parametrize(
    ("layout", "read"),
    [
        ("{checkout}/src\n", {"pytest.ini": "[pytest]\npythonpath = src\n"}),
        ("{checkout}\n", {"conftest.py": ""}),
        ("{checkout}\n", {"tests/__init__.py": ""}),
    ],
)
def test_pytest_that_puts_the_tree_first_sees_the_commits(place, layout, read):
    place.venv(**{"a.pth": layout})
    pytest_ = place.write("project/.venv/bin/pytest", "#!{checkout}/.venv/bin/python\n", 0o755)
    command = Command((str(pytest_), "tests/test_a.py"), {})
    assert find_shadows(command, place.checkout, (), read.get) == ()
    assert len(find_shadows(command, place.checkout)) == 1


def test_folder_of_the_checkout_on_pythonpath_is_certain(hides):
    for value in ("{checkout}/src", "/lib:{checkout}/src"):
        assert hides("env", f"PYTHONPATH={value}", "pytest", tracked=("src",)) == ["src"]
    assert hides("pytest", "{checkout}/tests", tracked=("tests",)) == []


def test_links_of_a_workspace_are_certain_if_the_tree_finds_them(modules, place, hides):
    (modules / "core").symlink_to("../packages/core")
    assert hides("node", "x.js", NODE_PATH="{checkout}/node_modules") == ["packages/core"]
    assert hides("sh", "-c", "ln -s {checkout}/node_modules . && node x.js") == ["packages/core"]
    assert hides("{checkout}/node_modules/.bin/jest") == []
