"""A build with a real wheel from a local server: nothing is compiled, and Python files are the commit's."""

from __future__ import annotations

import subprocess
import time

import pytest
from made_wheels import make_wheel
from wheel_server import serving_wheels

from bisect_tool.build import BuildFailed, BuildProfile
from bisect_tool.wheels.lineage import Lineage

pytestmark = pytest.mark.usefixtures("copied_environments")

SHA, PARENT = "b" * 40, "a" * 40
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

# As vLLM's setup.py: compiled files are extracted from the wheel into the tree; without one, it compiles.
BACKEND = """
import os, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    if os.environ.get("VLLM_USE_PRECOMPILED") != "1":
        raise SystemExit("nvcc: command not found")
    assert "VLLM_PRECOMPILED_WHEEL_COMMIT" not in os.environ
    with zipfile.ZipFile(os.environ["VLLM_PRECOMPILED_WHEEL_LOCATION"]) as wheel:
        wheel.extract("engine/_C.py", ".")
    name = "engine-1.0-py3-none-any.whl"
    files = {
        **{f"engine/{path.name}": path.read_text() for path in pathlib.Path("engine").glob("*.py")},
        "engine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: engine\\nVersion: 1.0\\n",
        "engine-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    listing = "".join(f"{path},,\\n" for path in [*files, "engine-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        for path, text in {**files, "engine-1.0.dist-info/RECORD": listing}.items():
            wheel.writestr(path, text)
    return name
"""
ASK = "import engine, engine._C as c; print(engine.__file__, engine.VERSION, c.NATIVE)"


@pytest.fixture
def build(build_paths, tmp_path, monkeypatch):
    """Build a commit with these `versions` of its Python files one after the other."""
    monkeypatch.setenv("VLLM_PRECOMPILED_WHEEL_COMMIT", "nightly")  # of the caller's shell
    with serving_wheels() as server:
        variables = {"VLLM_USE_PRECOMPILED": "1", "VLLM_PRECOMPILED_WHEEL_LOCATION": "{wheel}"}
        wheels = {"url": server.url, "package": "engine", "variants": ["cu129"], "env": variables}
        profile = BuildProfile(
            provider="source", tree=("engine",), env={"PYTHONPATH": "{tree}"}, commit_wheels=wheels
        )

        def run(version):
            (build_paths.tree / "engine").mkdir(exist_ok=True)
            (build_paths.tree / "engine" / "__init__.py").write_text(f"VERSION = {version}")
            (build_paths.tree / "engine" / "_C.py").unlink(missing_ok=True)
            (build_paths.tree / "backend.py").write_text(BACKEND)
            (build_paths.tree / "pyproject.toml").write_text(PROJECT)
            return build_paths.prepare(profile, lineage=Lineage((SHA, PARENT), time.time() - 600))

        run.server = server
        yield run


@pytest.mark.slow
def test_wheel_of_an_ancestor_saves_the_compilation(build, build_paths, tmp_path):
    files = {"engine/__init__.py": "VERSION = 'of the wheel'", "engine/_C.py": "NATIVE = 'compiled'"}
    wheel = make_wheel(tmp_path / "made", "engine", "0.9+gaaaaaaaaa", files)
    path = build.server.publish(PARENT, wheel, "cu129")
    for version in (1, 2):
        environment = build(version)
        assert environment.reused == (version > 1)
        printed = subprocess.check_output(
            [environment.python, "-c", ASK], env=dict(environment.variables), cwd=build_paths.tree, text=True
        )
        assert printed.split() == [str(build_paths.tree / "engine" / "__init__.py"), str(version), "compiled"]
    assert "%2B" in path
    assert len(build.server.requested(path)) == 1


@pytest.mark.slow
def test_failed_compilation_of_a_recent_commit_states_its_age(build):
    with pytest.raises(BuildFailed, match=r"the commit is 10 minutes old, and a wheel is usually published"):
        build(1)
