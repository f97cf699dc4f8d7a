"""Run the ranks of this node for a suite on another node, until that suite ends.

    python -m bisect_tool.pytest_plugin.rank_host FILE

Listens at the address of launch.json, and writes the port to FILE. The suite connects once, with the key that
both have in their environment, and calls the methods of `Host`; a message is a pickled tuple
(multiprocessing.connection). The servers are children of this program, and its guardian ends what it leaves.
"""

from __future__ import annotations

import os
import socket
import sys
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bisect_tool.pytest_plugin.host import Host
from bisect_tool.pytest_plugin.launch import KEY_VARIABLE, VARIABLE, read_launch
from bisect_tool.pytest_plugin.node_connection import accept
from bisect_tool.supervise.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from bisect_tool.pytest_plugin.launch import Launch

RESET = "reset"
FETCH = "fetch"
END = "end"
PIECE = 1 << 20
GRACE_S = 3.0
_BACKLOG = 64


def main(port_file: Path) -> None:
    """Serve one suite, to its end."""
    launch = read_launch(Path(os.environ[VARIABLE]))
    key = bytes.fromhex(os.environ.pop(KEY_VARIABLE))
    family = socket.AF_INET6 if ":" in launch.address else socket.AF_INET
    with socket.create_server((launch.address, 0), family=family, backlog=_BACKLOG) as listener:
        write_atomically(port_file, str(listener.getsockname()[1]))
        connection = _accept(listener, key)
    with connection:
        _serve(connection, launch)


def _accept(listener: socket.socket, key: bytes) -> Connection:
    """Return the connection of the suite, the first one with our key."""
    while True:
        try:
            return accept(listener, key)
        except (AuthenticationError, EOFError, OSError) as error:
            print(f"a connection is rejected: {error!r}", file=sys.stderr)  # noqa: T201 - the log of this program


def _serve(connection: Connection, launch: Launch) -> None:
    host = Host(launch)
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, OSError):  # the suite was ended: what its guardian would do to the servers
            host.end(GRACE_S)
            return
        if method == END:  # what it left running is a leftover
            return
        if method == RESET:
            host = Host(launch)
        connection.send(_answer(host, launch.logs, method, arguments))


def _answer(host: Host, logs: Path, method: str, arguments: tuple[Any, ...]) -> tuple[bool, object]:
    """Call a method; returns whether it raised, and its result or exception."""
    try:
        if method == RESET:
            return False, None
        if method == FETCH:
            return False, _additions(logs, *arguments)
        return False, getattr(host, method)(*arguments)
    except Exception as error:  # noqa: BLE001 - raised by the caller
        return True, error


def _additions(logs: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Return what was added to the servers' logs beyond these sizes in bytes, at most `PIECE` of each."""
    found = {}
    for path in logs.glob("*-rank*.log"):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as log:
            log.seek(sizes.get(path.name, 0))
            if piece := log.read(PIECE):
                found[path.name] = piece
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
