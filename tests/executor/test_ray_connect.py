"""Clusters that cannot be reached."""

from __future__ import annotations

import signal
import socket
import sys
from types import SimpleNamespace

import pytest

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.ray import cluster
from bisect_tool.executor.ray.cluster import Cluster, connected
from bisect_tool.executor.ray.needs import Needs
from bisect_tool.executor.ray.package import copy_package
from bisect_tool.trial.run import TrialAborted


@pytest.fixture
def closed():
    """An address at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def ray(monkeypatch):
    """A package of this name that does nothing."""
    monkeypatch.setitem(sys.modules, "ray", object())


@pytest.mark.usefixtures("ray")
def test_address_without_a_listener_is_rejected_at_once(closed):
    refused = pytest.raises(EnvironmentFailed, match=f"no Ray cluster can be reached at {closed}")
    with refused as failed, connected(closed):
        raise AssertionError
    assert failed.value.exit_code == 5
    assert "RAY_AUTH_MODE=token" in failed.value.hint


@pytest.mark.usefixtures("ray")
def test_auto_is_the_address_of_the_environment(closed, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", closed)
    with pytest.raises(EnvironmentFailed, match=closed), connected("auto"):
        raise AssertionError


@pytest.fixture
def ours(monkeypatch):
    """The signals received by our handler of SIGTERM."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    got = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    yield got
    signal.signal(signal.SIGTERM, before)


def connecting(init):
    """A stand-in for Ray, which sets its own handler of SIGTERM when it connects."""

    def connect(**_):
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
        init()

    return SimpleNamespace(init=connect, shutdown=lambda: None)


def test_sigterm_while_ray_connects_interrupts_the_session(ours, monkeypatch):
    terminated = connecting(lambda: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setitem(sys.modules, "ray", terminated)
    with pytest.raises(TrialAborted, match="connected to Ray"), connected("auto"):
        raise AssertionError
    assert ours == [signal.SIGTERM]


def test_sigterm_after_ray_connected_is_ours(ours, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", connecting(lambda: None))
    with connected("auto"):
        signal.raise_signal(signal.SIGTERM)
    assert ours == [signal.SIGTERM]


def test_other_exit_of_ray_is_raised(ours, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", connecting(lambda: sys.exit("no")))
    with pytest.raises(SystemExit, match="no"), connected("auto"):
        raise AssertionError
    assert ours == []


def test_resumed_session_needs_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="needs the package ray"), connected("auto"):
        raise AssertionError


@pytest.mark.parametrize(
    ("needs", "bundle"),
    [
        (Needs(16.0, 2, {"a100": 1.0}, 2), {"CPU": 16.0, "GPU": 2.0, "a100": 1.0}),
        (Needs(0.0, nodes=2), {"CPU": 0.01}),
    ],
)
def test_nodes_of_a_trial_are_reserved_together_and_released(monkeypatch, needs, bundle):
    calls = []
    actor = SimpleNamespace(
        options=lambda **how: calls.append(how) or SimpleNamespace(remote=lambda _: "actor")
    )
    util = SimpleNamespace(
        placement_group=lambda bundles, strategy: calls.append((bundles, strategy)) or "group",
        remove_placement_group=lambda group: calls.append(("removed", group)),
    )
    ray = SimpleNamespace(
        util=util,
        remote=lambda _: actor,
        kill=lambda *_, **__: None,
        exceptions=SimpleNamespace(RayError=RuntimeError),
    )
    monkeypatch.setattr(cluster, "_bundle", lambda group, node: (group, node))
    workers = Cluster(ray).start("s1-0", None, needs)
    assert calls[0] == ([bundle, bundle], "STRICT_SPREAD")
    assert [how["scheduling_strategy"] for how in calls[1:]] == [("group", 0), ("group", 1)]
    assert [how["name"] for how in calls[1:]] == ["s1-0-0", "s1-0-1"]
    workers[0].end()
    assert calls[-1] == ("removed", "group")


def test_actors_of_a_killed_run_are_reported_once_while_they_end(monkeypatch):
    monkeypatch.setattr(cluster, "_POLL_S", 0.0)
    mine = {"name": "s1-0-a", "namespace": cluster.NAMESPACE}
    others = {"name": "s2-0-b", "namespace": cluster.NAMESPACE}
    listed = iter([[mine, others], [mine, others], [others]])
    killed, waits = [], []
    ray = SimpleNamespace(
        util=SimpleNamespace(list_named_actors=lambda **_: next(listed)),
        get_actor=lambda name, _: name,
        kill=lambda actor, **_: killed.append(actor),
        exceptions=SimpleNamespace(RayError=RuntimeError),
    )
    Cluster(ray).end_all("s1-", waits.append)
    assert killed == ["s1-0-a", "s1-0-a"]
    assert waits == ["waiting for the Ray actors of the killed run to end: s1-0-a"]


def test_nodes_get_this_package_with_its_scenarios(tmp_path):
    package = copy_package(tmp_path)
    assert package.name == "bisect_tool"
    assert (package / "_scenarios" / "external_lb_dp" / "scenario.toml").is_file()
    assert (package / "supervise" / "guardian.py").is_file()
    assert not [*package.rglob("__pycache__")]
