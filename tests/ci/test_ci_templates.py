"""The templates are valid for their services, and call bisect-run with options that it has."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache

import pytest
import typer.main
import yaml
from stand_ins import TEMPLATES

from bisect_tool.cli.dispatch import command_line
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.watches import watches

WORKFLOWS = sorted((TEMPLATES / "github").glob("*.yml"))
PIPELINE = TEMPLATES / "buildkite" / "pipeline.yml"
SERVICE, TIMER = (TEMPLATES / "systemd" / f"bisect-run-nightly.{kind}" for kind in ("service", "timer"))
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


@cache
def loaded(file):
    """A template; `on` is no boolean to GitHub, as it is to YAML 1.1."""
    text = file.read_text(encoding="utf-8").replace("\non:\n", '\n"on":\n')
    return yaml.safe_load(text)


def steps(script=""):
    """Every step of the workflows that runs a program or a script."""
    for file in WORKFLOWS:
        for job in loaded(file)["jobs"].values():
            for step in job["steps"]:
                if "run" in step and script in step["run"]:
                    yield pytest.param(step, id=f"{file.stem}: {step['name']}")


@pytest.mark.parametrize(
    ("schema", "file"),
    [*(("vendor.github-workflows", file) for file in WORKFLOWS), ("vendor.buildkite", PIPELINE)],
    ids=lambda value: getattr(value, "stem", value),
)
def test_template_matches_the_schema_of_its_service(schema, file):
    pytest.importorskip("check_jsonschema", reason="needs the extra `test`")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_template_that_does_not_match_is_rejected(tmp_path):
    pytest.importorskip("check_jsonschema", reason="needs the extra `test`")
    (tmp_path / "w.yml").write_text(WORKFLOWS[0].read_text().replace("runs-on:", "runs:", 1))
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*words, str(tmp_path / "w.yml")], capture_output=True, check=False, timeout=60)
    assert done.returncode == 1


@pytest.mark.parametrize("step", list(steps()))
def test_nothing_is_interpolated_into_a_shell(step):
    """Text from others (comments, titles, names of branches) reaches a shell only as a variable."""
    assert not EXPRESSION.search(step["run"])


@pytest.mark.parametrize("step", [*steps("nightly.sh"), *steps("comment-run.sh")])
def test_script_is_the_process_that_the_runner_signals(step):
    assert step["run"].startswith("exec .bisect-run/soft.sh ")


def test_only_jobs_that_run_no_commit_may_write():
    for file in WORKFLOWS:
        for name, job in loaded(file)["jobs"].items():
            allowed = {**(loaded(file)["permissions"] or {}), **job.get("permissions", {})}
            if "gpu" in job["runs-on"]:
                assert "write" not in allowed.values(), (file.name, name)


def test_comment_needs_write_permission():
    jobs = loaded(TEMPLATES / "github" / "bisect-run-comment.yml")["jobs"]
    assert jobs["bisect"]["needs"] == "parse"
    assert "parse" in jobs["answer"]["needs"]
    assert "needs.parse.result == 'success'" in jobs["answer"]["if"]


@pytest.mark.parametrize("step", list(steps("nightly.sh")))
@pytest.mark.parametrize("code", [0, 1, 3, 4, 5, 143])
def test_github_step_ends_with_the_code_of_its_run(place, step, code):
    """3 and 4 are warnings."""
    place.stand_in("bisect-run", f"sys.exit({code} if sys.argv[1] == 'nightly' else 0)")
    ended = place.run("bash", "-e", "-c", step["run"], GITHUB_REPOSITORY="owner/engine")
    assert ended.returncode == {3: 0, 4: 0}.get(code, code), ended.stderr
    used("nightly", place.calls[-1][2:])


def test_options_of_the_comment_run_exist(place):
    ((step,),) = (each.values for each in steps("comment-run.sh"))
    place.stand_in("bisect-run", "sys.exit(5)")
    place.run("bash", "-e", "-c", step["run"], GOOD="v1", BAD="v2", CELLS="a b", JOB_URL="https://ci/1")
    used("run", place.calls[0][2:])


@pytest.mark.parametrize("code", [0, 1, 3, 4, 5, 143])
def test_buildkite_step_ends_with_the_code_of_bisect_run(place, code):
    (step,) = loaded(PIPELINE)["steps"]
    place.stand_in("bisect-run", f"sys.exit({code} if sys.argv[1] == 'nightly' else 0)")
    ended = place.run("bash", "-e", "-c", step["command"])
    assert ended.returncode == code, ended.stderr
    used("nightly", place.calls[-1][2:])


def test_buildkite_soft_fails_inconclusive_and_retries_machine_failures():
    (step,) = loaded(PIPELINE)["steps"]
    assert {each["exit_status"] for each in step["soft_fail"]} == {3, 4}
    assert {each["exit_status"] for each in step["retry"]["automatic"]} == {5, -1, 143}


def units(file):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(file.read_text())
    return parser


def test_exit_codes_of_the_systemd_service(place):
    service = units(SERVICE)["Service"]
    assert service["SuccessExitStatus"].split() == ["3", "4", "130", "143"]
    assert service["RestartPreventExitStatus"].split() == ["1", "2", "70"]
    place.stand_in("bisect-run", "sys.exit(1 if sys.argv[1] == 'nightly' else 0)")
    words = shlex.split(service["ExecStart"].replace("/opt/bisect-run", ".bisect-run"))
    assert place.run(*words, BISECT_RUN_OUT="out").returncode == 1
    used("nightly", place.calls[-1][2:])


def test_configuration_of_the_service_is_valid():
    file = TEMPLATES / "systemd" / "bisect-run.toml"
    (watch,) = watches(NightlyOptions(config=str(file)), frozenset({"config"}), file.parent)
    assert (watch.name, watch.options.source) == ("load-balancer", "buildkite")
    assert watch.options.github_issues == "OWNER/REPOSITORY"


def test_timer_starts_the_service():
    assert TIMER.stem == SERVICE.stem
    assert units(TIMER)["Timer"]["Persistent"] == "true"
    assert units(TIMER)["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_units_are_valid_for_systemd():
    words = ["systemd-analyze", "verify", "--man=no", str(SERVICE), str(TIMER)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def used(command, words):
    """Let the options of a command be parsed, as the program would."""
    parse = typer.main.get_command(command_line([command])).commands[command]
    parse.make_context(command, list(words))
