"""Parse rate limit headers, and compute how long to wait to use at most half of the limit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIXES = ("RateLimit-", "RateLimit-User-", "X-RateLimit-")
"""Buildkite has a limit for the organization and one for the user, GitHub has one."""
_EPOCH = 1_000_000_000
"""A reset above this is a point in time (GitHub), below it a number of seconds (Buildkite)."""
_DEFAULT_WAIT = 60.0
_SECONDARY = b"secondary rate limit"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The limit of a window, the remaining requests, and the seconds until the next window."""

    allowance: int
    remaining: int
    reset: float

    @property
    def pause(self) -> float:
        """The seconds to wait before the next request, to leave half of the limit to others."""
        return self.reset if 2 * self.remaining <= self.allowance else 0.0


def rate_limit(headers: Mapping[str, str], now: float) -> RateLimit | None:
    """Read the rate limit of an answer; of several, the one that is used up or is to be waited for."""
    found = [limit for prefix in _PREFIXES if (limit := _limit(prefix, headers, now))]
    return max(found, key=lambda each: (not each.remaining, each.pause), default=None)


def _limit(prefix: str, headers: Mapping[str, str], now: float) -> RateLimit | None:
    allowance, remaining, reset = (
        _number(headers.get(f"{prefix}{name}", "")) for name in ("Limit", "Remaining", "Reset")
    )
    if allowance is None or remaining is None or reset is None:
        return None
    seconds = reset - _service_time(headers, now) if reset > _EPOCH else reset
    return RateLimit(int(allowance), int(remaining), max(0.0, seconds))


def wait_after_refusal(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds to wait after an answer that rejects for the rate limit."""
    retry = _number(headers.get("Retry-After", ""))
    if retry is not None:
        return retry
    limit = rate_limit(headers, now)
    return limit.reset if limit and not limit.remaining else _DEFAULT_WAIT


def is_refusal(status: int, headers: Mapping[str, str], now: float, body: bytes = b"") -> bool:
    """Whether an answer rejects for the rate limit: 429, or 403 from GitHub.

    Of its secondary limits, which are no part of the allowance, only the body may speak.
    """
    if status == 429:
        return True
    limit = rate_limit(headers, now)
    is_used_up = limit is not None and not limit.remaining
    return status == 403 and ("Retry-After" in headers or is_used_up or _SECONDARY in body)


def _service_time(headers: Mapping[str, str], now: float) -> float:
    """Return the time by the service's clock, which resets refer to; ours may be minutes off."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError):
        return now


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
