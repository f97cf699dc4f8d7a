"""Results of `nightly`, made by hand, for delivery."""

import sample_documents as documents

from bisect_tool.json_document.nightly import Cause, FailureRate, NightlyCell, NightlyDocument
from bisect_tool.nightly_rules.cell_status import CellStatus

NIGHT = "5afb387bd43cef01d68119d017587e689b0729fa"
FIXED = "7afe0faab1eb0123456789abcdef0123456789ab"


def commit(number):
    """The head of a numbered night."""
    return f"{number:09x}".ljust(40, "0")


def cause(state="new", **more):
    """A cause with a proven culprit; any field can be given another value."""
    fields = {
        "fingerprint": "f1e2d3",
        "cells": documents.RED_CELLS,
        "good": documents.GOOD,
        "bad": documents.BAD,
        "exception": "Exception",
        "culprit": documents.CULPRIT,
        "proven": True,
        "session": "20260306-101500-1a2b",
        "fixed_by": FIXED if state == "fixed" else "",
        "document": documents.culprit(),
        **more,
    }
    return Cause(state=state, **fields)


def candidates(state="new", **more):
    """The same cause while its culprit is not known yet."""
    rest = {"culprit": "", "proven": False, "candidates": (documents.PARENT, documents.CULPRIT)}
    return cause(state, **rest, document=documents.inconclusive(), **more)


def cell(status=CellStatus.GREEN, name="test_a[1]", **more):
    return NightlyCell(
        series="nightly",
        job="gpu",
        cell=name,
        status=status,
        reason="GREEN",
        sentence=f"It is {status.value}.",
        **more,
    )


CELLS = (
    cell(),
    cell(CellStatus.NEW, documents.RED_CELLS[0], culprit=documents.CULPRIT, since=documents.CULPRIT),
    cell(CellStatus.STILL_RED, "test_b[2]", culprit=documents.BROKEN, since=documents.BROKEN),
    cell(CellStatus.FLAKY, "test_c[3]", rate=FailureRate(failed=2, runs=20)),
    cell(CellStatus.INFRASTRUCTURE, "test_d[4]"),
    cell(CellStatus.FIXED, "test_e[5]"),
    cell(CellStatus.BORN_RED, "test_f[6]"),
    cell(CellStatus.UNDECIDED, "test_g[7]", action="rerun 5afb387bd 2 times"),
)


def night(*causes, **more):
    fields = {
        "version": "0.1.0",
        "created": "2026-03-08T07:00:00+00:00",
        "watch": "main",
        "repo": documents.REPO,
        "ref": "origin/main",
        "commit": NIGHT,
        "observed": 400,
        "dry_run": False,
        "cells": CELLS,
        "exit_code": 1,
        **more,
    }
    return NightlyDocument.model_validate({"schema": 1, "causes": causes, **fields})


def hostile():
    """Every foreign text contains the whole corpus."""
    text = " ".join(documents.HOSTILE)
    evil = cause(
        cells=(text,),
        exception=text,
        session=text,
        document=documents.hostile(),
    )
    held = candidates(cells=(text, text), exception=text, fingerprint=text, session=text)
    cells = tuple(
        NightlyCell(
            series=text,
            job=text,
            shard=text,
            cell=text,
            environment=text,
            status=status,
            reason="GREEN",
            sentence=text,
            since=text,
            culprit=text,
            action=text,
        )
        for status in CellStatus
    )
    return night(evil, held, watch=text, ref=text, cells=cells, failures=(documents.hostile().failure,))
