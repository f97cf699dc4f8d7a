from __future__ import annotations

import os
import socket

import pytest

from bisect_tool.supervise import listening_sockets
from bisect_tool.supervise.listening_sockets import listening


def inode(server):
    return os.fstat(server.fileno()).st_ino


@pytest.fixture(params=["asked", "read", "refused"])
def way(request, monkeypatch):
    """Each of the two ways to find them; and the fallback to the second when the kernel rejects the first."""
    if request.param == "read":
        monkeypatch.setattr(socket, "AF_NETLINK", 999)
    if request.param == "refused":
        monkeypatch.setattr(listening_sockets, "_SOCK_DIAG_BY_FAMILY", 999)
    if request.param == "asked":
        monkeypatch.setattr(listening_sockets, "_read", lambda: pytest.fail("the kernel did not answer"))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_sockets_are_listed_while_they_listen(address, family):
    with socket.create_server((address, 0), family=family) as server:
        port, number = server.getsockname()[1], inode(server)
        assert listening()[number] == port
        with socket.create_connection((address, port)) as client, server.accept()[0] as served:
            assert not listening().keys() & {inode(client), inode(served)}
    assert number not in listening()


@pytest.mark.usefixtures("way")
def test_bound_socket_is_not_listed():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert inode(bound) not in listening()


def test_more_sockets_than_one_answer_holds_are_listed():
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(500)]
    try:
        assert listening().items() >= {inode(each): each.getsockname()[1] for each in servers}.items()
    finally:
        for server in servers:
            server.close()
