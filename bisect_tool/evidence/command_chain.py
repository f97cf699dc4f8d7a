"""Why a plain command failed, in the light of what the processes below it logged.

The command's own failure is what its output says last (`command`); the core that reads all logs
(`explain_log`) says what came first. An engine's error that the check only passes on is the root, and what
the check itself raised the end of the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence.chain import CHAIN_KEPT, Failure, unlike
from bisect_tool.evidence.command import ROLE
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST
from bisect_tool.evidence.signature import Signature, normalise, signature_of
from bisect_tool.evidence.symptom import is_symptom

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
    return failure.model_copy(
        update={
            "root": root,
            "chain": (root, *found.chain[1 : CHAIN_KEPT - 1], failure.root),
            "signature": found.signature.model_copy(update={"exit": ended}),
            "beside": (failure.signature, *failure.beside),
            "excerpt": found.excerpt,
            "older": found.older,
        }
    )


def command_without(failure: Failure, good: Collection[Signature]) -> Failure:
    """Return the failure of a command without what passing runs print as well.

    Its own end stays: where the root was of a process below it that says the same in passing runs, the
    command is explained by what it said itself.
    """
    root, *rest = failure.chain
    below = signature_of(root.model_copy(update={"exit": ""})) in good and root.role not in _OWN
    if not below:
        return failure.model_copy(update={"chain": (root, *unlike(rest, good))})
    own = next(event for event in reversed(rest) if event.role == ROLE)
    signature, *beside = failure.beside
    return Failure(
        root=own, chain=(own,), signature=signature, beside=tuple(beside), excerpt="\n".join(own.lines)
    )
