"""Provider `project`: installs what a project and its tests need, without the project's own code."""

from __future__ import annotations

import subprocess

import pytest
from made_wheels import make_wheel

from bisect_tool.build import BuildProfile

pytestmark = pytest.mark.usefixtures("copied_environments")

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "thing-1.0-py3-none-any.whl"
    metadata = ["Metadata-Version: 2.1", "Name: thing", "Version: 1.0", "Requires-Dist: needed"]
    metadata += ["Provides-Extra: test", "Provides-Extra: docs", "Provides-Extra: all"]
    metadata += ['Requires-Dist: helper; extra == "all"', 'Requires-Dist: thing[all]; extra == "test"']
    metadata += ['Requires-Dist: no-such-thing; extra == "docs"', ""]
    files = {
        "thing/__init__.py": pathlib.Path("src/thing/__init__.py").read_text(),
        "thing/_compiled.py": "NATIVE = 1",
        "thing-1.0.dist-info/METADATA": "\\n".join(metadata),
        "thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    listing = "".join(f"{path},,\\n" for path in [*files, "thing-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        for path, text in {**files, "thing-1.0.dist-info/RECORD": listing}.items():
            wheel.writestr(path, text)
    pathlib.Path("src/thing/_compiled.py").write_text("left here")
    return name
"""
ASK = """
import importlib.metadata, importlib.util, helper, needed, pytest
print(importlib.metadata.version("thing"), importlib.util.find_spec("thing"))
"""


def write_commit(tree, version):
    (tree / "src" / "thing").mkdir(parents=True, exist_ok=True)
    (tree / "src" / "thing" / "__init__.py").write_text(f"VERSION = {version}")
    (tree / "src" / "thing" / "_compiled.py").unlink(missing_ok=True)
    (tree / "backend.py").write_text(BACKEND)
    (tree / "pyproject.toml").write_text(PROJECT)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Wheels in a folder, and no other registry."""
    folder = tmp_path / "wheels"
    for name in ("pytest", "helper", "needed", "listed"):
        make_wheel(folder, name, "1.0", {f"{name}.py": ""})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.mark.slow
def test_only_metadata_and_built_files_of_the_project_are_kept(build_paths, registry):
    profile = BuildProfile(provider="project")
    for version in (1, 2):
        write_commit(build_paths.tree, version)
        environment = build_paths.prepare(profile)
        assert environment.reused == (version > 1)
        printed = subprocess.check_output([environment.python, "-c", ASK], text=True)
        assert printed.split() == ["1.0", "None"]
        assert (build_paths.tree / "src/thing/_compiled.py").read_text() == "NATIVE = 1"
        assert (build_paths.tree / "src/thing/__init__.py").read_text() == f"VERSION = {version}"


def test_built_file_does_not_replace_a_tracked_file_of_another_commit(build_paths, registry):
    (build_paths.tree / "requirements.txt").write_text("listed\n")
    environment = build_paths.prepare(BuildProfile(provider="project"))
    (environment.path / "overlay").mkdir()
    (environment.path / "overlay" / "made.py").write_text("made")
    (environment.path / "overlay" / "both.py").write_text("made")
    (build_paths.tree / "both.py").write_text("tracked")
    assert build_paths.prepare(BuildProfile(provider="project")).reused
    assert (build_paths.tree / "both.py").read_text() == "tracked"
    assert (build_paths.tree / "made.py").read_text() == "made"
    subprocess.check_call([environment.python, "-c", "import listed, pytest"])
