"""Join the failure of a plain command with the failure chain in its output.

The command's own failure is at the end of its output (`command`); the code that reads all logs
(`explain_log`) finds the first one. An engine's error that the check only passes on is the root, and what
the check itself raised the end of the chain. So is an error that the command said before, where what it said
last is further from a cause: another process's end, a signal, an error of no known kind, or any last line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence.command import ROLE
from bisect_tool.evidence.failure_chain import CHAIN_KEPT, Failure, explain, unlike
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST
from bisect_tool.evidence.patterns import PATTERNS, Stage, stage
from bisect_tool.evidence.signature import Signature, normalise
from bisect_tool.evidence.symptom import is_symptom

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bisect_tool.evidence.event import Event
    from bisect_tool.evidence.log import LogFailure

_OWN = frozenset({ROLE, LAUNCHER, TEST})
"""Roles of the command itself."""
_NO_KINDS = frozenset({"error", "fatal"})


def with_chain(failure: Failure, logged: Sequence[LogFailure]) -> Failure:
    """Return the failure of a command with the chain that its output shows.

    Args:
        failure: the command's own failure.
        logged: the failures in the same output, the most severe first.
    """
    last_line = not failure.root.exception
    causes = (each.failure for each in logged if last_line or not is_symptom(each.failure.root))
    found = next(causes, None)
    return failure if found is None else _joined(failure, found)


def _joined(failure: Failure, found: Failure) -> Failure:
    """Join the failure of a command with a failure found in its output."""
    if found.root.role not in _OWN or _is_nearer(found.root, failure.root):
        return _below(failure, found)
    if not _says_the_same(found.root, failure.root):
        return failure
    return failure.model_copy(update={"chain": (failure.root, *found.chain[1:])})


def _is_nearer(event: Event, own: Event) -> bool:
    """Whether `event` is nearer to the cause than the command's own failure, and more specific."""
    if own.message and own.message in event.headline:
        return False
    known = _own_stage(own)
    return stage(event) < known or (stage(event) is known is Stage.UNEXPLAINED)


def _own_stage(own: Event) -> Stage:
    """The stage of the command's own failure."""
    if not own.exception:
        return Stage.SUITE  # its last line
    if own.exception.startswith("SIG"):
        return Stage.CRASHED
    if own.exception == "FAILED" or own.message.startswith("FAILED"):
        return Stage.REPORTED_BY_SUITE  # a test, by its name alone
    known = PATTERNS.recognise(": ".join(filter(None, (own.exception, own.message))))
    if known is not None:
        return known.pattern.causal_stage
    return Stage.UNEXPLAINED if own.exception.lower() in _NO_KINDS else Stage.CAUSE


def _says_the_same(event: Event, own: Event) -> bool:
    """Whether `event` is the command's own exception, read from its output."""
    same = event.exception == own.exception and normalise(event.message) in normalise(own.message)
    return same and event.role in _OWN


def _below(failure: Failure, found: Failure) -> Failure:
    """The failure of a process below the command, which the command ended for."""
    ended = failure.root.exit
    root = found.root.model_copy(update={"exit": ended})
    between = [event for event in found.chain[1:] if not _says_the_same(event, failure.root)]
    return failure.model_copy(
        update={
            "root": root,
            "chain": (root, *between[: CHAIN_KEPT - 2], failure.root),
            "signature": found.signature.model_copy(update={"exit": ended}),
            "beside": (failure.signature, *failure.beside),
            "excerpt": found.excerpt,
            "older": found.older,
        }
    )


def command_without(failure: Failure, good: Collection[Signature]) -> Failure:
    """Return the failure of a command without events that passing runs have too; its exit code is kept."""
    root, *rest = failure.chain
    if root.role == ROLE:
        return failure.model_copy(update={"chain": (root, *unlike(rest, good))})
    logged = [root.model_copy(update={"exit": ""}), *failure.older, *rest[:-1]]
    left = unlike(logged, good)
    if len(left) == len(logged):
        return failure
    own = _own(failure)
    return _joined(own, explain(left, None, {})) if any(each.severity == "error" for each in left) else own


def _own(failure: Failure) -> Failure:
    """The command's own failure, without the processes below it."""
    end = failure.chain[-1]
    signature, *beside = failure.beside
    excerpt = "\n".join(end.lines)
    return Failure(root=end, chain=(end,), signature=signature, beside=tuple(beside), excerpt=excerpt)
