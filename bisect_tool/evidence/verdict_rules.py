"""Turn outcomes into verdicts about commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.evidence.patterns import Stage, stage
from bisect_tool.evidence.signature import Signature, signature_of
from bisect_tool.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from bisect_tool.evidence.failure_chain import Failure

_SKIPPED = {
    Outcome.ERRORED: "the suite could not run",
    Outcome.SKIPPED: "skipped by the suite",
    Outcome.UNBUILDABLE: "unbuildable",
    Outcome.INFRASTRUCTURE: "infrastructure",
}


@dataclass(frozen=True)
class Judgement:
    """A verdict and its reason, for people."""

    verdict: Verdict
    reason: str


def classify(outcome: Outcome, failure: Failure | None, investigated: frozenset[Signature]) -> Judgement:
    """Return the verdict about the commit.

    Args:
        outcome: the outcome of a cell in a trial.
        failure: its evidence; None without any.
        investigated: signatures of the failure under investigation; if empty, any failure counts.
    """
    if outcome is Outcome.PASSED:
        return Judgement(verdict=Verdict.GOOD, reason="passed")
    if outcome in _SKIPPED:
        detail = f": {failure.root.headline}" if failure else ""
        return Judgement(verdict=Verdict.SKIP, reason=_SKIPPED[outcome] + detail)
    if not investigated:
        return Judgement(verdict=Verdict.BAD, reason=str(failure.signature) if failure else str(outcome))
    if failure is None:
        return Judgement(verdict=Verdict.SKIP, reason=f"{outcome} without evidence")
    matching = next(
        (signature for signature in identifying_signatures(failure) if signature in investigated), None
    )
    if matching is None:
        return Judgement(verdict=Verdict.SKIP, reason=f"another failure: {failure.signature}")
    return Judgement(verdict=Verdict.BAD, reason=str(matching))


def mentions(failure: Failure, text: str) -> bool:
    """Whether the signature of `failure` contains `text`; for a command, its output and findings too."""
    known = [str(failure.signature)]
    if failure.signature.exit:
        known += [failure.root.headline, failure.excerpt, *map(str, failure.other_signatures)]
    return any(text in each for each in known)


def identifying_signatures(failure: Failure) -> tuple[Signature, ...]:
    """Return the signatures that identify `failure`, the root's first.

    Consequences (a broken pipe, a leak) can have many causes: they identify a failure only if the root is one
    of them, and the end of a server never does. All signatures of a command have its exit code.
    """
    consequences_only = stage(failure.root) > Stage.CAUSE
    others = (
        signature_of(event)
        for event in failure.chain[1:]
        if stage(event) is Stage.CAUSE
        or (consequences_only and event.severity != "info" and stage(event) < Stage.SERVER_GONE)
    )
    if ended := failure.root.exit:
        others = (signature.model_copy(update={"exit": ended}) for signature in others)
    return (failure.signature, *others, *failure.other_signatures)
