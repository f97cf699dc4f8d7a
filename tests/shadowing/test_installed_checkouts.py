"""What a Python has installed from a checkout, in every form that installers write."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing.installed_checkouts import find_installs

FINDER = "MAPPING: dict[str, str] = {{'pkg': '{checkout}/src/pkg'}}\nNAMESPACES = {{}}\n"
EDITABLE = '{{"url": "file://{checkout}", "dir_info": {{"editable": true}}}}'
FORMS = {
    "a line of a .pth file": ({"_pkg.pth": "{checkout}/src\n"}, "src"),
    "a flat layout": ({"__editable__.pkg-1.0.pth": "{checkout}\n"}, "."),
    "comments, other lines and a blank": ({"a.pth": "# x\n/none\n\n{checkout}/src\n"}, "src"),
    "a relative line": ({"a.pth": "../../../../src\n"}, "src"),
    "setuptools' finder": (
        {
            "__editable__.pkg-1.0.pth": "import __editable___pkg_1_0_finder; __editable___x.install()",
            "__editable___pkg_1_0_finder.py": FINDER,
        },
        "src",
    ),
    "a package under another name": (
        {"a.pth": "import finder", "finder.py": "MAPPING = {{'other': '{checkout}/src/pkg'}}"},
        None,
    ),
    "a finder that builds": ({"a.pth": "import hook\n", "hook.py": "SOURCE = '{checkout}/src'"}, None),
    "an egg link": ({"pkg.egg-link": "{checkout}/src\n../"}, "src"),
    "direct_url.json alone": (
        {"pkg-1.0.dist-info/direct_url.json": EDITABLE},
        None,
    ),
    "direct_url.json beside a .pth file": (
        {
            "pkg-1.0.dist-info/direct_url.json": EDITABLE,
            "a.pth": "{checkout}/src",
        },
        "src",
    ),
}


@pytest.mark.parametrize(("files", "path"), FORMS.values(), ids=FORMS)
def test_an_editable_install(place, files, path):
    python = place.venv(**files)
    assert [(each.path, each.copy) for each in find_installs(python, place.checkout, {})] == [(path, False)]


@pytest.mark.parametrize(
    "files",
    [
        {"numpy.pth": "/elsewhere\n"},
        {"a.pth": "{checkout}-other/src\n"},
        {"a.pth": "../nothing-of-this-name\n"},
        {"a.pth": "import _virtualenv", "_virtualenv.py": "X = '/elsewhere'"},
        {"a.pth": "import none_of_this_name"},
        {"other-1.0.dist-info/METADATA": ""},
        {"x-1.0.dist-info/direct_url.json": "no JSON"},
        {"x-1.0.dist-info/direct_url.json": "[]"},
        {"x-1.0.dist-info/direct_url.json": '{{"url": "https://example.org/x"}}'},
        {"x-1.0.dist-info/direct_url.json": '{{"url": "http://[::1", "dir_info": "x"}}'},
    ],
)
def test_installs_from_elsewhere_are_ignored(place, files):
    assert find_installs(place.venv(**files), place.checkout, {}) == ()


def test_a_link_to_a_package(place):
    python = place.venv(**{"other.py": ""})
    site = next(python.parent.parent.glob("lib/*/site-packages"))
    (site / "pkg").symlink_to(place.checkout / "src" / "pkg")
    assert [each.path for each in find_installs(python, place.checkout, {})] == ["src"]


def test_a_package_that_is_compiled_in_place_is_in_no_commit(place):
    place.write("project/src/pkg/fast.cpython-311.so")
    python = place.venv(**{"a.pth": "{checkout}/src\n"})
    assert [each.path for each in find_installs(python, place.checkout, {})] == [None]


@pytest.mark.parametrize(
    "files",
    [
        {"pkg-1.0.dist-info/direct_url.json": '{{"url": "file://{checkout}", "dir_info": {{}}}}'},
        {"My_Pkg-1.0.dist-info/METADATA": ""},
    ],
)
def test_a_copy(place, files):
    place.write("project/pyproject.toml", '[project]\nname = "my.pkg"\n')
    found = find_installs(place.venv(**files), place.checkout, {})
    assert [(each.path, each.copy) for each in found] == [("src", True)]


def test_an_interpreter_that_is_no_virtual_environment(place):
    """Its own site-packages, those of the system if visible, and those of the user."""
    python = place.write("opt/bin/python3.11", "\0", 0o755)
    (place.root / "opt/bin/python").symlink_to(python)
    for path in ("opt/lib/python3.11/site-packages", "opt/local/lib/python3.11/dist-packages"):
        file = place.write(f"{path}/a.pth", "{checkout}/src\n")
        assert [each.path for each in find_installs(python, place.checkout, {})] == ["src"]
        assert [each.path for each in find_installs(python.with_name("python"), place.checkout, {})] == [
            "src"
        ]
        file.unlink()
    place.write("home/.local/lib/python3.11/site-packages/a.pth", "{checkout}/src\n")
    home = {"HOME": str(place.root / "home")}
    assert [each.path for each in find_installs(python, place.checkout, home)] == ["src"]
    assert find_installs(python, place.checkout, {"HOME": "/none"}) == ()


def test_a_virtual_environment_that_sees_the_system_s_packages(place):
    place.write("opt/bin/python3.11", "\0", 0o755)
    (place.root / "opt/bin/python").symlink_to(place.root / "opt/bin/python3.11")
    place.write("opt/lib/python3.11/site-packages/a.pth", "{checkout}/src\n")
    python = place.venv()
    assert find_installs(python, place.checkout, {}) == ()
    place.write("project/.venv/pyvenv.cfg", "home = {root}/opt/bin\ninclude-system-site-packages = true\n")
    assert [each.path for each in find_installs(python, place.checkout, {})] == ["src"]
