from __future__ import annotations

import os
import socket

import pytest

from bisect_tool.supervise.ports import PortWatch, foreign_listener, is_free, listeners
from bisect_tool.supervise.processes import read_process


def serve(address="127.0.0.1", family=socket.AF_INET):
    return socket.create_server((address, 0), family=family)


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_port_with_a_listener_is_not_free(address, family):
    with serve(address, family) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert listeners(port) == {os.getpid()}
        assert foreign_listener(port, os.getpid()) is None
    assert is_free(port)
    assert listeners(port) == set()


def test_connection_in_time_wait_is_ignored():
    with serve() as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        served.close()
        client.close()
    assert is_free(port)


def test_no_listener():
    with serve() as server:
        port = server.getsockname()[1]
    assert foreign_listener(port, os.getpid()) is None


def test_watch_distinguishes_own_sockets_from_earlier_ones():
    own = [process for process in [read_process(os.getpid())] if process]
    with serve() as before:
        watch = PortWatch()
        with serve() as server:
            port = server.getsockname()[1]
            watch.poll(own)
            assert watch.still_bound() == (port,)
            assert port in watch.ports_of(os.getpid())
            assert before.getsockname()[1] not in watch.still_bound()
        assert watch.still_bound() == ()


def test_watch_looks_up_a_socket_without_owner_again():
    watch = PortWatch()
    own = [process for process in [read_process(os.getpid())] if process]
    with serve() as server:
        watch.poll([])
        assert watch.still_bound() == ()
        watch.poll(own)
        assert watch.still_bound() == (server.getsockname()[1],)


def test_foreign_process_that_took_the_port_is_not_reported():
    own = [process for process in [read_process(os.getpid())] if process]
    watch = PortWatch()
    with serve() as server:
        port = server.getsockname()[1]
        watch.poll(own)
    with socket.create_server(("127.0.0.1", port)):
        assert watch.still_bound() == ()
