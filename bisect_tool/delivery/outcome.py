"""The outcomes of the actions of a delivery, one by one: one that fails says nothing about the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.delivery.actions import Post
from bisect_tool.format import count

if TYPE_CHECKING:
    from bisect_tool.delivery.actions import Action
    from bisect_tool.results.nightly import Cause


@dataclass(frozen=True)
class Outcome:
    """The outcome of an action: `done` in words, empty if nothing had to be; or the `error` that it met."""

    action: Action
    done: str = ""
    error: str = ""

    @property
    def line(self) -> str:
        """What to say about it, empty for nothing."""
        return f"could not {self.action.line}: {self.error}" if self.error else self.done


@dataclass(frozen=True)
class DeliveryReport:
    """The outcomes of the actions that were carried out, in order; `paused` are those that were not."""

    outcomes: tuple[Outcome, ...] = ()
    paused: tuple[Post, ...] = ()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that failed."""
        return tuple(each for each in self.outcomes if each.error)

    @property
    def summary(self) -> str:
        """How many failed, and what to do about it."""
        of_all = f"{len(self.failed)} of {count(len(self.outcomes), 'action')}"
        return f"{of_all} of delivery failed. See above. The next night delivers what is missing."

    def misses(self, cause: Cause) -> bool:
        """Whether an action failed or is paused that is about this cause, or about all."""
        missing = (*(each.action for each in self.failed), *self.paused)
        return any(
            not isinstance(action, Post) or action.cause.fingerprint == cause.fingerprint
            for action in missing
        )
