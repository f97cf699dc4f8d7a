"""Provider `source`: what only the build makes is laid over the tree of every commit that shares it."""

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
    # Backends like to leave what they made in the tree as well.
    pathlib.Path("engine/_compiled.py").write_text("left here")
    return name
"""
ASK = "import engine, engine._compiled as c; print(engine.__file__, engine.VERSION, c.NATIVE)"


def write_commit(place, version: int) -> None:
    (place.tree / "engine").mkdir(exist_ok=True)
    (place.tree / "engine" / "__init__.py").write_text(f"VERSION = {version}")
    (place.tree / "engine" / "_compiled.py").unlink(missing_ok=True)
    (place.tree / "csrc.txt").write_text("kernels")
    (place.tree / "backend.py").write_text(BACKEND)
    (place.tree / "pyproject.toml").write_text(PROJECT)


@pytest.mark.slow
def test_what_was_built_is_laid_over_every_tree(place, installed_by):
    profile = BuildProfile(provider="source", tree=("engine",), env={"PYTHONPATH": "{tree}"})
    for version in (1, 2):
        write_commit(place, version)
        environment = place.prepare(profile)
        assert environment.reused == (version > 1)
        said = subprocess.check_output(
            [environment.python, "-c", ASK], env=dict(environment.variables), cwd=place.tree, text=True
        )
        assert said.split() == [str(place.tree / "engine" / "__init__.py"), str(version), "kernels"]
