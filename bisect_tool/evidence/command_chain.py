"""Why a plain command failed, in the light of what the processes below it logged.

The command's own failure is what its output says last (`command`); the core that reads all logs
(`explain_log`) says what came first. An engine's error that the check only passes on is the root, and what
the check itself raised the end of the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence.chain import CHAIN_KEPT
from bisect_tool.evidence.command import ROLE
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST
from bisect_tool.evidence.signature import normalise
from bisect_tool.evidence.symptom import is_symptom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.evidence.chain import Failure
    from bisect_tool.evidence.log import LogFailure

_OWN = frozenset({ROLE, LAUNCHER, TEST})
"""Roles of the command itself."""


def with_chain(failure: Failure, logged: Sequence[LogFailure]) -> Failure:
    """Return the failure of a command with the chain that its output shows.

    Args:
        failure: what the command's output says of itself.
        logged: what the core reads from the same output, the gravest first.
    """
    found = next((each.failure for each in logged if not is_symptom(each.failure.root)), None)
    if found is None:
        return failure
    if found.root.role not in _OWN:
        return _below(failure, found)
    same = normalise(found.root.message) in normalise(failure.root.message)
    if not same or found.root.exception != failure.root.exception:
        return failure
    return failure.model_copy(update={"chain": (failure.root, *found.chain[1:])})


def _below(failure: Failure, found: Failure) -> Failure:
    """The failure of a process below the command, which the command ended for."""
    ended = failure.root.exit
    root = found.root.model_copy(update={"exit": ended})
    own = failure.root.model_copy(update={"lines": ()})
    return failure.model_copy(
        update={
            "root": root,
            "chain": (root, *found.chain[1 : CHAIN_KEPT - 1], own),
            "signature": found.signature.model_copy(update={"exit": ended}),
            "beside": (failure.signature, *failure.beside),
            "excerpt": found.excerpt,
        }
    )
