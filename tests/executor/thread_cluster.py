"""A cluster whose actors are threads of this process."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from bisect_tool.executor.ray.cluster import WorkerLost
from bisect_tool.executor.ray.node import NodeTrials


class Node(NodeTrials):
    """A node with an id."""

    def __init__(self, setup, node):
        super().__init__(setup)
        self._node = node

    def place(self):
        return replace(super().place(), node=self._node)


class Threads:
    """An actor in this process; `room` is set once a node has room; `unresponsive` methods never return."""

    def __init__(self, setup, room, unresponsive, node):
        self._pool = ThreadPoolExecutor(4)
        self._setup, self._room, self._unresponsive = replace(setup, lease_s=600.0), room, unresponsive
        self._node, self._trials = node, None
        self._made = self._pool.submit(self._make)
        self.ended = False
        self.lost = threading.Event()

    def _make(self):
        assert self._room.wait(60)
        self._trials = Node(self._setup, self._node)

    def call(self, method, *arguments):
        answer = Future()
        threading.Thread(target=self._answer, args=(answer, method, arguments), daemon=True).start()
        return answer

    def _answer(self, answer, method, arguments):
        try:
            self._made.result()
            running = self._pool.submit(getattr(self._trials, method), *arguments)
            while not running.done() and not self.lost.wait(0.01):
                continue
            if self.lost.is_set():
                self._trials.cancel()
                answer.set_exception(WorkerLost("its node died", self))
            elif method not in self._unresponsive:
                answer.set_result(running.result())
        except BaseException as error:  # noqa: BLE001 - as Ray hands it on
            answer.set_exception(error)

    @staticmethod
    def result(future):
        return future.result()

    def end(self):
        self.ended = True
        if self._trials is not None:  # its guardian ends the trial
            self._trials.cancel()


class ThreadCluster:
    """A cluster with one node of 8 CPUs."""

    def __init__(self):
        self.nodes = {"n1": {"CPU": 8.0}}
        self.workers, self.calls = [], []
        self.room = threading.Event()
        self.room.set()
        self.unresponsive = set()

    def share(self, setup):
        return setup

    def start(self, name, setup, needs):
        self.calls.append(("start", name.rpartition("-")[0], dict(needs.resources)))
        started = tuple(
            Threads(setup, self.room, self.unresponsive, f"n{node}") for node in range(1, needs.nodes + 1)
        )
        self.workers += started
        return started

    def end_all(self, prefix, on_wait):  # noqa: ARG002 - nothing is left
        self.calls.append(("end_all", prefix))

    def sweep(self):
        self.calls.append(("sweep",))
