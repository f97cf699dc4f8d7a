"""A failure in the usual forms of loggers, and a client that loses its connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

from benchmarks.evidence.families.maker import Maker, Process


def loggers(maker: Maker) -> tuple[list[Process], str]:
    """An engine whose logger has a usual form, and a client that loses its connection."""
    engine, client = Process("engine"), Process("client")
    form = maker.chance.choice(sorted(_FORMS))
    write = _FORMS[form]
    for second in range(1, 6):
        engine.print(second, *write(maker, second, "INFO", f"step {second} of 5", []))
    engine.print(
        7.0, *write(maker, 7.0, "ERROR", "request failed", maker.raised(maker.cause, "proj/engine.py"))
    )
    lost = maker.raised("ConnectionRefusedError: [Errno 111] Connection refused", "proj/client.py")
    client.print(9.5, *write(maker, 9.5, "ERROR", "no answer", lost))
    return [engine, client], maker.cause


def _plain_form(maker: Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]},123 - engine - {level} - {text}", *more]


def _named_form(maker: Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]},123 {level} engine: {text}", *more]


def _bracket_form(maker: Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"[{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]}] [{level}] [engine.py:12] {text}", *more]


def _loguru_form(maker: Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    return [f"{maker.clock(at, '%Y-%m-%d %H:%M:%S')[:19]}.123 | {level:<8} | engine:run:12 - {text}", *more]


def _json_form(maker: Maker, at: float, level: str, text: str, more: Sequence[str]) -> list[str]:
    record = {
        "timestamp": maker.clock(at, "%Y-%m-%dT%H:%M:%S") + "Z",
        "level": level.lower(),
        "message": text,
    }
    return [json.dumps(record | ({"exc_info": "\n".join(more)} if more else {}))]


_FORMS: Mapping[str, Callable[[Maker, float, str, str, Sequence[str]], list[str]]] = {
    "plain": _plain_form,
    "named": _named_form,
    "brackets": _bracket_form,
    "loguru": _loguru_form,
    "json": _json_form,
}
