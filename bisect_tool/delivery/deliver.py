"""Deliver the result of a night through all channels that the options name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.options.delivery_options import DeliveryOptions
    from bisect_tool.paths import Home
    from bisect_tool.results.nightly import NightlyDocument


def check_delivery(options: DeliveryOptions, environment: Mapping[str, str]) -> None:
    """Check the options and what they need of the environment, before a night begins.

    Raises:
        UsageError: a name is malformed, or a variable is missing; the hint says which.
    """


def deliver(  # noqa: PLR0913, PLR0917 - what is delivered, where to, and how
    document: NightlyDocument,
    options: DeliveryOptions,
    environment: Mapping[str, str],
    home: Home,
    say: Callable[[str], None],
    dry_run: bool,
) -> None:
    """Deliver the result of a night; with `dry_run` say what would be done, a line for each action.

    A channel that fails does not keep the others from being tried.

    Raises:
        EnvironmentFailed: a channel failed; `say` named it and the reason.
    """
