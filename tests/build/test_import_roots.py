"""The folders of a tree from which its packages are imported."""

from __future__ import annotations

import os

import pytest

from bisect_tool.build.import_roots import import_roots
from bisect_tool.build.project_requirements import read_pyproject


@pytest.mark.parametrize(
    ("files", "targets", "roots"),
    [
        ({"thing.py": ""}, ("tests",), ["."]),
        ({"src/thing.py": ""}, ("tests",), ["src", "."]),
        ({"src/__init__.py": ""}, ("tests",), ["."]),
        ({"lib/a.py": "", "setup.py": "setup(package_dir={'': 'lib'})"}, ("tests",), ["lib", "."]),
        (
            {"lib/a.py": "", "setup.py": "setup(packages=find_packages(where='lib'))"},
            ("tests",),
            ["lib", "."],
        ),
        ({"lib/a.py": "", "setup.cfg": "[options]\npackage_dir =\n    = lib\n"}, ("tests",), ["lib", "."]),
        ({"lib/a.py": "", "setup.cfg": "[options.packages.find]\nwhere = lib\n"}, ("tests",), ["lib", "."]),
        (
            {"lib/a.py": "", "pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['lib']\n"},
            (),
            ["lib", "."],
        ),
        (
            {"py/a.py": "", "pyproject.toml": "[tool.poetry]\npackages = [{include = 'a', from = 'py'}]\n"},
            (),
            ["py", "."],
        ),
        ({"py/a.py": "", "pyproject.toml": "[tool.maturin]\npython-source = 'py'\n"}, (), ["py", "."]),
        (
            {"py/a/b.py": "", "pyproject.toml": "[tool.hatch.build.targets.wheel]\npackages = ['py/a']\n"},
            (),
            ["py", "."],
        ),
        (
            {"one/src/a.py": "", "one/pyproject.toml": "", "two/setup.py": ""},
            ("one/tests/x", "two/tests"),
            ["one/src", "one", "two", "."],
        ),
        ({"a.py": "", "pyproject.toml": "[tool.maturin]\npython-source = '../..'\n"}, (), ["."]),
        ({"a.py": "", "pyproject.toml": "[tool]\nsetuptools = 3\n", "setup.cfg": "no section"}, (), ["."]),
    ],
)
def test_import_roots(tmp_path, files, targets, roots):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert [root.relative_to(tmp_path).as_posix() for root in import_roots(tmp_path, targets)] == roots


@pytest.mark.parametrize(
    "text",
    [f"tool = {'[' * 5000}", "tool = 3", f"[tool.setuptools.packages.find]\nwhere = ['{'x' * 300}', 3]"],
)
def test_invalid_folder_names_are_ignored(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert import_roots(tmp_path, ["tests/test_a.py"]) == (tmp_path,)


@pytest.mark.timeout(30)
def test_build_files_are_read_through_links_only_if_regular(tmp_path):
    """A commit can have a link to an endless device, or to the terminal."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "shared.cfg").write_text("[options]\npackage_dir =\n    = lib\n")
    (tree / "setup.cfg").symlink_to(tmp_path / "shared.cfg")
    (tree / "lib").mkdir()
    (tree / "lib" / "a.py").touch()
    for name in ("pyproject.toml", "setup.py"):
        os.mkfifo(tree / name)
    assert import_roots(tree, ("tests",)) == (tree / "lib", tree)
    assert read_pyproject(tree) == {}
