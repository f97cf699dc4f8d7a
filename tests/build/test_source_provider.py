"""Provider `source`: files that only the build makes are linked into every tree of the environment."""

from __future__ import annotations

import subprocess

import pytest

from bisect_tool.build import BuildProfile

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

# Makes a wheel of the package with one more module, as a compiler would.
BACKEND = """
import pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "engine-1.0-py3-none-any.whl"
    native = pathlib.Path("csrc.txt").read_text()
    files = {
        "engine/__init__.py": pathlib.Path("engine/__init__.py").read_text(),
        "engine/_compiled.py": f"NATIVE = {native!r}",
        "engine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: engine\\nVersion: 1.0\\n",
        "engine-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    listing = "".join(f"{path},,\\n" for path in [*files, "engine-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        for path, text in {**files, "engine-1.0.dist-info/RECORD": listing}.items():
            wheel.writestr(path, text)
    # Backends may leave a copy in the tree as well.
    pathlib.Path("engine/_compiled.py").write_text("left here")
    return name
"""
ASK = "import engine, engine._compiled as c; print(engine.__file__, engine.VERSION, c.NATIVE)"


def write_commit(build_paths, version: int) -> None:
    (build_paths.tree / "engine").mkdir(exist_ok=True)
    (build_paths.tree / "engine" / "__init__.py").write_text(f"VERSION = {version}")
    (build_paths.tree / "engine" / "_compiled.py").unlink(missing_ok=True)
    (build_paths.tree / "csrc.txt").write_text("kernels")
    (build_paths.tree / "backend.py").write_text(BACKEND)
    (build_paths.tree / "pyproject.toml").write_text(PROJECT)


@pytest.mark.slow
def test_built_files_are_linked_into_every_tree(build_paths, installed_by):
    profile = BuildProfile(provider="source", tree=("engine",), env={"PYTHONPATH": "{tree}"})
    for version in (1, 2):
        write_commit(build_paths, version)
        environment = build_paths.prepare(profile)
        assert environment.reused == (version > 1)
        printed = subprocess.check_output(
            [environment.python, "-c", ASK], env=dict(environment.variables), cwd=build_paths.tree, text=True
        )
        assert printed.split() == [str(build_paths.tree / "engine" / "__init__.py"), str(version), "kernels"]
