"""The options of trials on a Ray cluster."""

from __future__ import annotations

import shlex

import pytest

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options import resolve_profile, validate_executor
from bisect_tool.options.declared_options import to_arguments
from bisect_tool.options.run_options import FixesOptions, RunOptions
from bisect_tool.options.validate import validate
from bisect_tool.scenario import Scenario


def options(**given):
    return RunOptions(good=("a",), bad="b", command=("./check.sh",), **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"address": "10.0.0.1:6379"}, "--address needs --executor ray"),
        ({"executor": "ray", "address": ""}, "--address is empty"),
        ({"executor": "ray", "gpus": "0-3"}, "--gpus is for GPUs of this machine"),
        ({"executor": "ray", "share_gpu": True}, "--share-gpu is for GPUs of this machine"),
        ({"executor": "ray", "job": "nightly"}, "--job needs --executor buildkite or github"),
    ],
)
def test_options_that_contradict_each_other_are_rejected(given, message, monkeypatch):
    monkeypatch.setattr(validate_executor, "find_spec", lambda _: True)
    with pytest.raises(UsageError, match=message):
        validate(options(**given))


def test_missing_ray_is_reported_with_its_extra(monkeypatch):
    monkeypatch.setattr(validate_executor, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as refused:
        validate(options(executor="ray"))
    assert refused.value.exit_code == 2
    assert refused.value.hint == "Install it in a clone of bisect-run: pip install '.[ray]'"
    validate(options())


def fixes(**given):
    return FixesOptions(at="b", revert=("c",), command=("./check.sh",), **given)


def test_fixes_can_run_on_the_cluster(monkeypatch):
    monkeypatch.setattr(validate_executor, "find_spec", lambda _: True)
    on_ray = fixes(executor="ray", address="10.0.0.1:6379", slots=4)
    validate(on_ray)
    assert "--executor ray --address 10.0.0.1:6379" in shlex.join(to_arguments(on_ray))
    with pytest.raises(UsageError, match="--address needs --executor ray"):
        validate(fixes(address="10.0.0.1:6379"))
    with pytest.raises(UsageError, match="--gpus is for GPUs of this machine"):
        validate(fixes(executor="ray", gpus="0-3"))


@pytest.mark.parametrize("service", ["buildkite", "github"])
def test_fixes_in_ci_is_rejected_with_an_alternative(service):
    with pytest.raises(UsageError, match="CI has no build of a revert") as refused:
        validate(fixes(executor=service))
    assert "push a candidate as a branch" in refused.value.hint


def test_command_line_has_the_cluster():
    line = shlex.join(to_arguments(options(executor="ray", address="10.0.0.1:6379")))
    assert "--executor ray --address 10.0.0.1:6379" in line


class Anything:
    """A fake repository that has every path."""

    spec = "here"

    @staticmethod
    def tree_hashes(_sha, paths):
        return dict.fromkeys(paths, "1")


def test_a_profile_for_gpus_is_chosen_although_this_machine_has_none(monkeypatch):
    monkeypatch.setattr(resolve_profile.gpus, "snapshot", tuple)
    build, launch = {"provider": "none"}, {"command": ["engine"], "model": "m"}
    profile = {"marker": "engine", "build": build, "launch": launch}
    profiles = {"cpu": profile, "gpu": {**profile, "needs_gpu": True}}
    scenario = Scenario(name="s", description="", suite="s.py", profiles=profiles)
    choose = resolve_profile.choose_profile
    assert choose(scenario, None, Anything(), "b") == "cpu"
    assert choose(scenario, None, Anything(), "b", elsewhere=True) == "gpu"
    assert choose(scenario, "gpu", Anything(), "b", elsewhere=True) == "gpu"
    with pytest.raises(EnvironmentFailed):
        choose(scenario, "gpu", Anything(), "b")
