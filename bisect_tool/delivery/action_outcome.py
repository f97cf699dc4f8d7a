"""The outcomes of the actions of a delivery, which fail independently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.delivery.actions import Post
from bisect_tool.format import count

if TYPE_CHECKING:
    from bisect_tool.delivery.actions import Action
    from bisect_tool.json_document.nightly import Cause


@dataclass(frozen=True)
class Outcome:
    """The outcome of an action: what was done (or empty), or the error."""

    action: Action
    done: str = ""
    error: str = ""

    @property
    def line(self) -> str:
        """The line to print, or empty."""
        return f"could not {self.action.line}: {self.error}" if self.error else self.done


@dataclass(frozen=True)
class DeliveryReport:
    """The outcomes of the actions in order, and the actions that were paused."""

    outcomes: tuple[Outcome, ...] = ()
    paused: tuple[Post, ...] = ()

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The failed actions."""
        return tuple(each for each in self.outcomes if each.error)

    @property
    def summary(self) -> str:
        """Summarise how many failed, and what to do."""
        of_all = f"{len(self.failed)} of {count(len(self.outcomes), 'delivery action')}"
        return f"{of_all} failed (see above). The next night delivers what is missing."

    def misses(self, cause: Cause) -> bool:
        """Whether an action about this cause, or about all causes, failed or is paused."""
        missing = (*(each.action for each in self.failed), *self.paused)
        return any(
            not isinstance(action, Post) or action.cause.fingerprint == cause.fingerprint
            for action in missing
        )
