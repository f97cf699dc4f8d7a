"""Render what `nightly` decided: decisions with their reasons and cells, as text and as JSON."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bisect_tool.format import count, listing, short
from bisect_tool.nightly.decision import Bisect, Decision, Nothing, Rerun, Wait
from bisect_tool.nightly.reason import Reason
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.sources.observation import CellKey

_CELLS = 10
_TYPES = (Bisect, Rerun, Wait, Nothing)


def to_json(decisions: Mapping[CellKey, Decision]) -> str:
    """The JSON document: every cell with its decision."""
    cells = [{**asdict(key), **_fields(decision)} for key, decision in sorted(decisions.items())]
    return json.dumps({"schema": 1, "command": "nightly", "cells": cells}, indent=2)


def render_nightly(decisions: Mapping[CellKey, Decision], repo: str) -> str:
    """The report: what has to be done first, and green cells as a number only."""
    groups: defaultdict[Decision, list[CellKey]] = defaultdict(list)
    for key in sorted(decisions):
        groups[decisions[key]].append(key)
    green = groups.pop(Nothing(Reason.GREEN), [])
    blocks = [
        "\n".join(_block(decision, groups[decision], repo))
        for kind in _TYPES
        for decision in groups
        if isinstance(decision, kind)
    ]
    passing = f"{count(len(green), 'cell')} of {len(decisions)} {'passes' if len(green) == 1 else 'pass'}"
    return "\n\n".join([*blocks, passing])


def _fields(decision: Decision) -> dict[str, Any]:
    fields = asdict(decision)
    for name in ("cells", "trials"):
        fields.pop(name, None)
    return {"decision": type(decision).__name__.lower(), **fields}


def _block(decision: Decision, cells: list[CellKey], repo: str) -> Iterator[str]:
    yield _title(decision)
    yield f"  {decision.reason.sentence}"
    for key in cells[:_CELLS]:
        yield f"  - {_name(key)}"
    if len(cells) > _CELLS:
        yield f"  - and {count(len(cells) - _CELLS, 'more cell')}"
    if isinstance(decision, Bisect):
        ends = ("--good", decision.good, "--bad", decision.bad)
        yield f"  {shlex.join(('bisect-run', 'run', '--repo', repo, *ends))}"


def _title(decision: Decision) -> str:
    match decision:
        case Bisect(good=good, bad=bad, exception=exception):
            return (
                f"bisect {short(good)}..{short(bad)}{f': {clean_line(exception, 200)}' if exception else ''}"
            )
        case Rerun(runs=runs, avoid=avoid):
            where = listing([f"{short(one.commit)} {count(one.number, 'time')}" for one in runs])
            return f"rerun {where}{f', not on {listing(avoid)}' if avoid else ''}"
        case Wait():
            return "wait"
        case Nothing(culprit=culprit, since=since, rate=rate):
            notes = [
                f"culprit {short(culprit)}" if culprit else "",
                f"since {short(since)}" if since else "",
                f"{rate.failed} of {count(rate.runs, 'run')} failed" if rate else "",
            ]
            return ", ".join((f"nothing: {decision.reason.value}", *filter(None, notes)))


def _name(key: CellKey) -> str:
    shard = f" shard {key.shard}" if key.shard else ""
    environment = f" ({key.environment})" if key.environment else ""
    return " ".join(filter(None, (f"{key.job}{shard}{environment}", key.cell)))
