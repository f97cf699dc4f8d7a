import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.build import BuildProfile
from bisect_tool.build.environment_variables import installer_environment, tree_environment

TOKEN = "ghp_0123456789abcdefghij"  # noqa: S105 - bait
PLANTED = {
    "GITHUB_TOKEN": TOKEN,
    "AWS_SECRET_ACCESS_KEY": TOKEN,
    "PIP_INDEX_URL": f"https://user:{TOKEN}@registry.invalid/simple",
    "UV_INDEX_PRIVATE_PASSWORD": TOKEN,
    "SSH_AUTH_SOCK": f"/tmp/{TOKEN}",
    "CMAKE_ARGS": f"-DKEY={TOKEN}",
    "ANYTHING_ELSE": TOKEN,
}
LOOT = """
import json, os, pathlib
netrc = pathlib.Path.home() / ".netrc"
seen = {"env": dict(os.environ), "netrc": netrc.exists() and netrc.read_text()}
"""
BACKEND = f"""
{LOOT}
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, info = "hostile-1.0-py3-none-any.whl", "hostile-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("hostile.py", "seen = " + repr(json.dumps(seen)))
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: hostile\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "hostile"
version = "1.0"
"""


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Put tokens into the caller's variables and home."""
    home = tmp_path / "home-of-the-caller"
    home.mkdir()
    (home / ".netrc").write_text(f"machine registry.invalid password {TOKEN}")
    for name, value in {**PLANTED, "HOME": str(home), "UV_CACHE_DIR": str(tmp_path / "uv")}.items():
        monkeypatch.setenv(name, value)


def assert_has_no_token(seen: dict, folder) -> None:
    assert TOKEN not in json.dumps(seen)
    assert seen["env"]["HOME"] == str(folder / "home")
    assert seen["env"]["TMPDIR"] == str(folder / "tmp")
    assert seen["env"]["PATH"]


@pytest.mark.slow
def test_hostile_build_backend_sees_no_token(planted, build_paths, installed_by, copied_environments):
    (build_paths.tree / "backend.py").write_text(BACKEND)
    (build_paths.tree / "pyproject.toml").write_text(PROJECT)
    environment = build_paths.prepare(BuildProfile(provider="source"))
    (installed,) = (environment.path / "venv" / "lib").glob("python*/site-packages/hostile.py")
    scope: dict = {}
    exec(installed.read_text(), scope)  # noqa: S102 - our own file, by way of a wheel
    assert_has_no_token(json.loads(scope["seen"]), environment.path)
    assert TOKEN not in build_paths.log.read_text()


def test_hostile_command_sees_no_token(planted, commands, build_paths):
    program = f"{LOOT}\nimport sys; pathlib.Path(sys.argv[1], 'seen').write_text(json.dumps(seen))"
    environment = build_paths.prepare(commands(program))
    assert_has_no_token(json.loads((environment.path / "seen").read_text()), environment.path)
    assert not (environment.path / "home").exists()


def test_installer_environment_drops_only_redirecting_variables():
    environ = {**PLANTED, "PYTHONPATH": "x", "VIRTUAL_ENV": "y", "PIP_TARGET": "z"}
    assert installer_environment(environ) == PLANTED


def test_tree_environment_keeps_variables_of_builds(tmp_path):
    wanted = {
        "PATH": "/bin",
        "CC": "gcc",
        "MAX_JOBS": "4",
        "HABANA_VISIBLE_MODULES": "0,1",
        "HABANA_LOGS": "/tmp/habana",
        "ASCEND_TOOLKIT_HOME": "/usr/local/Ascend",
        "ONEAPI_ROOT": "/opt/intel/oneapi",
        "NEURON_RT_VISIBLE_CORES": "0",
        "PYTORCH_ROCM_ARCH": "gfx942",
        "PIP_INDEX_URL": "https://registry.invalid/simple",
    }
    seen = tree_environment({**wanted, "HOME": "/root"}, tmp_path)
    assert seen == {**wanted, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}


@given(
    st.dictionaries(st.from_regex(r"[A-Z_]{1,12}", fullmatch=True), st.text(max_size=20), max_size=8),
    st.from_regex(r"[a-zA-Z0-9]{8,20}", fullmatch=True),
    st.sampled_from(["API_KEY", "CI_JOB_TOKEN", "DB_PASSWORD", "PIP_TOKEN"]),
)
def test_tree_environment_has_no_secret(tmp_path_factory, environ, secret, name):
    environ = {**environ, name: secret, "CMAKE_ARGS": f"-D={secret}", "CC": f"cc --{secret}"}
    seen = tree_environment(environ, tmp_path_factory.getbasetemp() / "variables")
    places = {variable for variable in seen if variable not in {"HOME", "TMPDIR"}}
    assert not any(secret in seen[variable] for variable in places)
