"""The further nodes of a trial: late, ended early, stopped."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from bisect_tool.build import BuildInterrupted
from bisect_tool.executor.ray import calls, further_nodes
from bisect_tool.executor.ray.calls import Connection
from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.executor.ray.further_nodes import FurtherNodes
from bisect_tool.executor.ray.messages import Order, Place, Ran
from bisect_tool.pytest_plugin.launch import HostAddress

RAN = Ran("{}", b"")
PLACE = Place("n", "host", "127.0.0.1")
HOST = HostAddress(address="127.0.0.2", port=8000)


class Node:
    """An actor that listens at `host`; its build ends when it is stopped, unless it is `deaf`."""

    def __init__(self, host=None, deaf=False):
        self.serving, self.host, self.deaf = Future(), host, deaf

    def call(self, method, *_):
        if method == "serve":
            return self.serving
        if method == "stop" and not (self.deaf or self.serving.done()):
            self.serving.set_exception(BuildInterrupted("the build was interrupted", ""))
        answer = Future()
        answer.set_result(self.host)
        return answer

    @staticmethod
    def result(future):
        return future.result(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(calls, "_POLL_S", 0.01)
    for name in ("_POLL_S", "_MARGIN_S", "_END_S"):
        monkeypatch.setattr(further_nodes, name, 0.05)


def further(*nodes):
    setup = SimpleNamespace(config=SimpleNamespace(profile=None))
    connection = Connection(None, setup, None, None, None, threading.Event(), print)
    order = Order("trial", "c0ffee", None, 0, None)
    return FurtherNodes(connection, order, nodes, [PLACE] * (len(nodes) + 1))


def test_first_node_gets_the_addresses_of_the_others():
    order = further(Node(HOST), Node(HOST)).await_start()
    assert order.node.others == (HOST, HOST)


def test_node_that_is_never_ready_is_lost():
    with pytest.raises(WorkerLost, match="it was not ready within"):
        further(Node(HOST), Node()).await_start()


def test_other_builds_are_stopped_when_one_fails():
    failed, building = Node(), Node()
    trial = further(failed, building)
    failed.serving.set_result(RAN)
    assert trial.await_start() == RAN
    assert isinstance(building.serving.exception(0), BuildInterrupted)


def test_stopped_node_has_no_result():
    ended, running = Node(HOST), Node(HOST)
    trial = further(ended, running)
    ended.serving.set_result(RAN)
    trial.check()
    assert trial.end(0.05) == (RAN, None)
    trial.check()


def test_node_that_cannot_be_stopped_is_lost():
    with pytest.raises(WorkerLost, match="did not answer for 0 s while the ranks of a node were being ended"):
        further(Node(HOST, deaf=True)).end(0.05)
