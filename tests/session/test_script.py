"""The script of `repro --script` runs in bash, in a clone, without this tool."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from base64 import b64decode
from io import BytesIO

import pytest
from suites import write_scenario

LIMIT_S = 60
EVERY_SECOND = """#!/bin/sh
# Fails in every second run.
echo run >> {log}
[ -e untracked ] && exit 3
touch untracked
[ $(( $(wc -l < {log}) % 2 )) = 1 ]
"""


@pytest.fixture
def run_script(project, tmp_path):
    """Runs a script in another folder, in an environment without this tool."""

    def run(script, *args, **variables):
        env = project.env | {"WORK": str(tmp_path / "work"), "PYTHON": sys.executable, **variables}
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        return subprocess.run(
            ["bash", str(script), *(args or [str(project.path)])],
            cwd=tmp_path / "elsewhere",
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    return run


def test_script_of_a_command(project, tmp_path, run_script):
    log, script = tmp_path / "log", tmp_path / "repro.sh"
    sha = project.commit(0, name="$(touch pwned) `touch pwned`\x1b[31m")
    project.write_check(EVERY_SECOND.format(log=log))
    ended = project.run("repro", "HEAD", "--runs", "4", "--script", str(script), "--", "./check.sh")
    assert ended.code == 1, ended.stderr
    assert str(script) in ended.stderr
    (project.path / "check.sh").unlink()
    clone = tmp_path / "clone"
    project.git("clone", "-q", str(project.path), str(clone))
    done = run_script(script, str(clone), RUNS="3")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 of 3 runs failed"), done.stderr
    assert len(log.read_text().split()) == 7
    assert sha in script.read_text()
    assert "\x1b" not in script.read_text()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("code", "status", "failed"), [(0, 0, "0 of 2"), (125, 3, "0 of 0"), (7, 1, "2 of 2")]
)
def test_exit_codes_of_a_script(project, tmp_path, run_script, *, code, status, failed):
    project.commit(code)
    project.write_check()
    script = tmp_path / "repro.sh"
    project.run("repro", "HEAD", "--runs", "2", "--script", str(script), "--", "./check.sh")
    done = run_script(script)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, f"{failed} runs failed")
    assert ("no run gave a result" in done.stderr) is (status == 3)


def test_script_has_no_secrets(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_kept_to_ourselves")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("HF_HOME", "/home/somebody/hf")
    project.commit(0)
    project.write_check("#!/bin/sh\n# hf_kept_to_ourselves\nSERVICE_PASSWORD=hunter2hunter2\nexit 0\n")
    project.git("remote", "add", "origin", "https://me:sesame-open@example.invalid/it.git")
    script = tmp_path / "repro.sh"
    project.run("repro", "HEAD", "--runs", "1", "--script", str(script), "--", "./check.sh")
    text = script.read_text()
    for secret in ("hf_kept_to_ourselves", "hunter2hunter2", "sesame-open", "HF_TOKEN", "/home/somebody"):
        assert secret not in text
    assert "export VLLM_LOGGING_LEVEL=DEBUG" in text
    assert "example.invalid/it.git" in text


@pytest.fixture
def scenario(tmp_path):
    log = tmp_path / "log"
    for code in range(3):
        log.with_name(f"log.open-{code}").touch()
    return write_scenario(tmp_path / "scenario", log)


def test_script_of_a_suite(project, tmp_path, run_script, scenario):
    """With a conftest, a tiny model, and only the files of the profile's sparse checkout.

    A partial clone may lack the others, as in trials.
    """
    file = scenario / "scenario.toml"
    more = 'marker = "code"\ntiny_model = true\nsparse = ["code", "a [few] files"]'
    file.write_text(file.read_text().replace('marker = "code"', more))
    conftest = (
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef printed(launch): print('hello', launch.model)\n"
    )
    (scenario / "conftest.py").write_text(conftest)
    bad = project.commit(1, files={"a [few] files": "1", "a few files": "2", "large": "3"})
    project.commit(0, files={"elsewhere": "4"})
    script = tmp_path / "repro.sh"
    options = ("--scenario", str(scenario), "--runs", "1", "--script", str(script))
    assert project.run("repro", bad, *options).code == 1
    done = run_script(script)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 of 1 runs failed"), done.stderr
    log = (tmp_path / "work" / "logs" / "1" / "suite.log").read_text()
    assert "assert '1' == '0'" in log
    assert "hello none" in log
    assert (tmp_path / "work" / "assets" / "tiny-model" / "config.json").exists()
    names = {path.name for path in (tmp_path / "work" / "tree").iterdir()}
    assert names == {".git", "code", "a [few] files"}


def test_an_interpreter_without_the_engine_s_packages_reproduces_nothing(project, tmp_path, run_script):
    """Every run would fail with a ModuleNotFoundError."""
    log, script, bare = tmp_path / "log", tmp_path / "repro.sh", tmp_path / "bare"
    log.with_name("log.open-1").touch()
    scenario = write_scenario(tmp_path / "scenario", log, 'provider = "none"\ntree = ["engine"]')
    own = "import json\nimport requests, engine.other\nfrom pydantic import BaseModel\n"
    lazy = "def later():\n    import hypothesis\n"
    (project.path / "engine" / "b").mkdir(parents=True)
    project.commit(1, files={"engine/a.py": own + lazy, "engine/b/c.py": "import not_here_either\n"})
    options = ("--scenario", str(scenario), "--runs", "1", "--script", str(script))
    ended = project.run("repro", "HEAD", *options)
    assert ended.code == 1
    assert f"PYTHON={sys.executable} bash {script}" in ended.stderr
    assert "# PYTHON must be an interpreter that has pydantic, requests, else" in script.read_text()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=LIMIT_S)
    done = run_script(script, PYTHON=str(bare / "bin" / "python"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot import pydantic requests; set PYTHON to another interpreter" in done.stderr
    assert run_script(script).stdout.splitlines()[-1] == "1 of 1 runs failed"


def test_script_takes_the_repository_as_argument_if_there_is_no_origin(project, tmp_path, run_script):
    """The local path is not in the script, which runs one of the two compared commits."""
    good, bad = project.commits(0, 1)
    project.write_check()
    script = tmp_path / "repro.sh"
    options = ("--compare", good, "--runs", "1", "--script", str(script))
    ended = project.run("repro", bad, *options, "--", "./check.sh")
    hint = f"to run {bad[:9]} alone without bisect-run:  bash {script} {project.path}"
    assert hint in ended.stderr
    text = script.read_text()
    assert str(project.path) not in text
    assert f"compared with {good[:9]}, which this script does not run" in text
    done = run_script(script, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"name a repository that has {bad[:9]}" in done.stderr


def test_error_before_the_first_run_is_no_failed_run(project, tmp_path, run_script):
    project.commit(0)
    project.write_check()
    script = tmp_path / "repro.sh"
    project.run("repro", "HEAD", "--runs", "1", "--script", str(script), "--", "./check.sh")
    done = run_script(script, str(tmp_path / "no repository"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was run" in done.stderr


@pytest.mark.parametrize(("code", "status", "failed"), [(0, 0, "0 of 1"), (125, 3, "0 of 0")])
def test_suite_that_skips_all_tests_has_not_passed(project, tmp_path, run_script, *, code, status, failed):
    body = "    import pytest\n    if open('code').read() == '125\\n':\n        pytest.skip('no')\n"
    project.commit(code, files={"test_it.py": f"def test_it():\n{body}"})
    scenario, script = write_scenario(tmp_path / "scenario", tmp_path / "log"), tmp_path / "repro.sh"
    options = ("--scenario", str(scenario), "--pytest", "test_it.py", "--runs", "1", "--script", str(script))
    assert project.run("repro", "HEAD", *options).code == status
    done = run_script(script)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, f"{failed} runs failed"), done.stderr


def test_script_of_a_test_file_of_the_project(project, tmp_path, run_script, scenario):
    test = "def test_it():\n    assert open('code').read() == '0\\n'\n\n\ndef test_not():\n    assert 0\n"
    project.commit(0, files={"test_it.py": test})
    bad = project.commit(1)
    script = tmp_path / "repro.sh"
    options = ("--scenario", str(scenario), "--pytest", "test_it.py", "--cells", "test_it", "--runs", "1")
    assert project.run("repro", bad, *options, "--script", str(script)).code == 1
    done = run_script(script)
    assert done.stdout.splitlines()[-1] == "1 of 1 runs failed", done.stderr
    log = (tmp_path / "work" / "logs" / "1" / "suite.log").read_text()
    assert "test_it.py::test_it FAILED" in log
    assert "test_not" not in log


def test_modules_in_the_script_are_complete(project, tmp_path, scenario):
    """The fixtures' modules, taken out of the script, can be imported with nothing else of this package."""
    project.commit(0)
    script = tmp_path / "repro.sh"
    project.run("repro", "HEAD", "--scenario", str(scenario), "--runs", "1", "--script", str(script))
    blob = script.read_text().split("<<'MODULES'")[1].split("\n", 1)[1].split("\nMODULES")[0]
    with tarfile.open(fileobj=BytesIO(b64decode(blob))) as packed:
        packed.extractall(tmp_path / "modules", filter="data")
    names = "bisect_tool.pytest_plugin.fixtures", "tiny_model"
    program = f"import importlib; [print(importlib.import_module(name).__file__) for name in {names}]"
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "modules")}
    argv = [sys.executable, "-c", program]
    output = subprocess.run(argv, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
    assert all(line.startswith(str(tmp_path / "modules")) for line in output.splitlines())


def test_unwritable_script_file_is_reported_before_any_run(project, tmp_path):
    project.commit(0)
    project.write_check()
    for name in (tmp_path / "none" / "repro.sh", tmp_path):
        ended = project.run("repro", "HEAD", "--script", str(name), "--", "./check.sh")
        assert (ended.code, "cannot write --script" in ended.stderr) == (2, True)
    assert project.run("status").stdout.startswith("no sessions")
