"""Resources that a trial needs of a node."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bisect_tool.checks import CommandCheck, PytestCheck, SuiteCheck
from bisect_tool.executor.ray.needs import Needs, needs_of
from bisect_tool.paths import Home
from bisect_tool.scenario import Scenario
from bisect_tool.session.session import _nodes
from bisect_tool.supervise import gpus
from bisect_tool.trial.config import RankNode, TrialConfig, TrialPaths
from bisect_tool.trial.kinds import trials_of
from bisect_tool.trial.trials import TrialRun

LAUNCH = {"command": ["engine"], "model": "m", "dp_size": 2, "gpus_per_rank": 2}


@pytest.fixture
def config(tmp_path):
    def make(**profile):
        build = {"provider": "none"}
        profiles = {"p": {"marker": "engine", "build": build, "launch": LAUNCH, **profile}}
        scenario = Scenario(name="s", description="", suite="s.py", profiles=profiles)
        return TrialConfig(SuiteCheck(), Home(tmp_path, tmp_path), scenario, scenario.profiles["p"], 60.0)

    return make


def test_needs_of_a_profile(config):
    needs = needs_of(config(ray={"cpus": 8, "resources": {"a100": 0.5}}))
    assert needs.resources == {"CPU": 8.0, "GPU": 4.0, "a100": 0.5}
    assert str(needs) == "4 GPUs, 8 CPUs, 0.5 a100"


def test_default_needs_are_one_cpu_and_the_gpus(config):
    assert needs_of(config()) == Needs(cpus=1.0, gpus=4)


def test_command_needs_one_cpu(tmp_path):
    command = TrialConfig(CommandCheck(argv=("true",)), Home(tmp_path, tmp_path), None, None, 60.0)
    assert needs_of(command).resources == {"CPU": 1.0}
    assert str(needs_of(command)) == "1 CPU"


@pytest.mark.parametrize(
    ("nodes", "fits"),
    [
        ([], False),
        ([{"CPU": 64.0}, {"CPU": 1.0, "GPU": 4.0}], True),
        ([{"CPU": 64.0, "GPU": 2.0}, {"CPU": 64.0, "GPU": 2.0}], False),
    ],
)
def test_one_node_must_have_all_resources(nodes, fits):
    assert (Needs(1.0, 4).able(nodes) >= 1) is fits


def test_trial_that_spans_nodes_needs_its_share_of_each(config):
    needs = needs_of(replace(config(ray={"cpus": 8, "nodes": 2}), nodes=2))
    assert (needs.nodes, needs.resources) == (2, {"CPU": 8.0, "GPU": 2.0})
    assert needs.able([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 9.0, "GPU": 8.0}, {"CPU": 9.0}]) == 2


@pytest.mark.parametrize(
    ("executor", "check", "nodes"),
    [
        ("ray", SuiteCheck(), 2),
        ("ray", CommandCheck(argv=("true",)), 1),
        ("ray", PytestCheck(file="tests/test_a.py", name="", tests_from="f" * 40), 1),
        ("local", SuiteCheck(), 1),
    ],
)
def test_only_a_suite_on_ray_spans_nodes(config, executor, check, nodes):
    profile = config(ray={"nodes": 2}).profile
    assert _nodes(SimpleNamespace(executor=executor, check=check), profile) == nodes
    assert _nodes(SimpleNamespace(executor=executor, check=check), None) == 1


def test_program_of_a_further_node_waits_for_the_build_of_the_first(config, tmp_path):
    spanning = replace(config(ray={"nodes": 2}), nodes=2, node=RankNode(1, "127.0.0.2", "ab"))
    place = TrialPaths(tmp_path, tmp_path, tmp_path, None)
    process = trials_of(spanning).process(TrialRun(spanning, place, None))
    profile = spanning.profile
    assert process.deadline_s > profile.timeouts.trial + 2 * profile.build.timeout_s


def test_nodes_have_equally_many_ranks(config):
    with pytest.raises(ValueError, match=r"`ray.nodes` must divide `launch.dp_size`, which is 2"):
        config(ray={"nodes": 3})


def test_gpus_that_ray_assigned_are_those_of_the_trial_in_any_slot(config, monkeypatch):
    monkeypatch.setattr(gpus, "visible", lambda: ("4", "5", "6", "7"))
    one = config()
    vars(one).update(slots=4, assigned_gpus=True)
    assert one.gpus_of(3) == ("4", "5", "6", "7")
    vars(one).update(assigned_gpus=False)
    assert one.gpus_of(1) == ()
