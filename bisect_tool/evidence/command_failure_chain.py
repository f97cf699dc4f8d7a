"""Join the failure of a plain command with the failure chain in its output.

`command_failure` reads the command's own failure from the end of its output; `explain_log` finds the first
failure of any process. An engine's error that the check only reports is the root, and the check's own error
is the end of the chain. The same is true of an earlier error of the command, if its last one is further from
a cause: the end of another process, a signal, an error of no known kind, or just the last line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.evidence.command_failure import ROLE
from bisect_tool.evidence.failure_chain import CHAIN_KEPT, Failure, explain, without_good_events
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
_GENERIC_EXCEPTIONS = frozenset({"error", "fatal"})


def with_chain(failure: Failure, logged: Sequence[LogFailure]) -> Failure:
    """Return the failure of a command, with the failure chain in its output.

    Args:
        failure: the command's own failure.
        logged: the failures in the same output, the most severe first.
    """
    last_line = not failure.root.exception
    causes = (each.failure for each in logged if last_line or not is_symptom(each.failure.root))
    found = next(causes, None)
    return failure if found is None else _join(failure, found)


def _join(failure: Failure, found: Failure) -> Failure:
    """Join a command's own failure with a failure found in its output."""
    if found.root.role not in _OWN or _is_nearer(found.root, failure.root):
        return _with_child_failure(failure, found)
    if not _is_same_exception(found.root, failure.root):
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
        return Stage.REPORTED_BY_SUITE  # only the name of a test
    known = PATTERNS.recognise(": ".join(filter(None, (own.exception, own.message))))
    if known is not None:
        return known.pattern.causal_stage
    return Stage.UNEXPLAINED if own.exception.lower() in _GENERIC_EXCEPTIONS else Stage.CAUSE


def _is_same_exception(event: Event, own: Event) -> bool:
    """Whether `event` is the command's own exception, read from its output."""
    same = event.exception == own.exception and normalise(event.message) in normalise(own.message)
    return same and event.role in _OWN


def _with_child_failure(failure: Failure, found: Failure) -> Failure:
    """Return the failure of a child process as the cause of the command's own failure."""
    ended = failure.root.exit
    root = found.root.model_copy(update={"exit": ended})
    between = [event for event in found.chain[1:] if not _is_same_exception(event, failure.root)]
    return failure.model_copy(
        update={
            "root": root,
            "chain": (root, *between[: CHAIN_KEPT - 2], failure.root),
            "signature": found.signature.model_copy(update={"exit": ended}),
            "other_signatures": (failure.signature, *failure.other_signatures),
            "excerpt": found.excerpt,
            "older": found.older,
        }
    )


def command_without_good_events(failure: Failure, good: Collection[Signature]) -> Failure:
    """Return a command's failure without the events of passing runs; its exit code is kept."""
    root, *rest = failure.chain
    if root.role == ROLE:
        return failure.model_copy(update={"chain": (root, *without_good_events(rest, good))})
    logged = [root.model_copy(update={"exit": ""}), *failure.older, *rest[:-1]]
    left = without_good_events(logged, good)
    if len(left) == len(logged):
        return failure
    own = _own_failure(failure)
    return _join(own, explain(left, None, {})) if any(each.severity == "error" for each in left) else own


def _own_failure(failure: Failure) -> Failure:
    """Return the command's own failure, without those of its child processes."""
    end = failure.chain[-1]
    signature, *others = failure.other_signatures
    excerpt = "\n".join(end.lines)
    return Failure(
        root=end, chain=(end,), signature=signature, other_signatures=tuple(others), excerpt=excerpt
    )
