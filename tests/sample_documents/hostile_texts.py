"""Documents in which every foreign text contains everything that may harm a report."""

from __future__ import annotations

from bisect_tool.checks import CheckFile, CommandCheck
from bisect_tool.evidence import Frame
from bisect_tool.json_document.document import (
    CommitInfo,
    Document,
    FailureReport,
    FileChange,
    NativeChange,
    PinChange,
    Skipped,
)
from bisect_tool.json_document.fixes import FixReport, Tried
from bisect_tool.json_document.repro import FailureRate, Reproduced, Reproduction, SignatureCount
from sample_documents.fix_sessions import confirmation
from sample_documents.parts import (
    BROKEN,
    CULPRIT,
    PARENT,
    changed,
    document,
    event,
    process,
    red,
    trial,
)

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07\x9b2J\x9d0;x\x9c",
    "a\rb\x00c\x08d\x7fe\x85f\x0bg",
    "\u202ereversed\u202c \u2066isolated\u2069 \u200bzero",
    "[/red] [bold]markup[/bold] [link=http://evil.example]x[/link] :skull:",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "</details></code></pre><!-- -->",
    "::error::forged\n::set-output name=x::y",
    "line\n\n## Forged heading\n\n- [x] item\n```\nout of the fence\n```",
    "`tick` ``two`` ```` four",
    "| a | b |\n|---|---|",
    "@everyone @vllm-project/admins #1 GH-2 https://evil.example www.evil.example",
    "{{ 7 * 7 }} {% raw %} ${HOME} $(id) $x^2$",
    "lone \udc80 surrogate \uffff",
    "`",
    "",
)


def hostile() -> Document:
    """Every foreign text contains the whole corpus."""
    text = " ".join(HOSTILE)
    evil = CommitInfo(sha=CULPRIT, subject=text, author=text, date=text, pr=34730)
    root = event(0.0, text, text, text, frames=(Frame(file=text, line=1, function=text),), lines=(text,))
    cell = red(culprit=evil, signature=text, note=text, skipped=(Skipped(sha=BROKEN, reason=text),))
    held = red(
        finding="candidates",
        culprit=None,
        candidates=(BROKEN, CULPRIT),
        skipped=(Skipped(sha=BROKEN, reason=text),),
    )
    tested = trial(
        BROKEN, text, {text: text}, outcome=text, reason=text, leftovers=(text,), log=f"/tmp/{text}/x"
    )
    processes = (process(text, 1, 2.0, f"{text}-rank0"), process(f"{text}_2", 2, 3.0, text))
    started = trial(CULPRIT, "narrow", {text: "failed"}, log=f"/tmp/{text}/x", timeline=processes)
    return document(
        rerun=text,
        session=text,
        scenario=text,
        profile=text,
        repo=text,
        conclusion=text,
        exit_code=3,
        cells={text: cell, f"{text}[2]": held},
        confirmation=confirmation(
            Tried(name=text, title=text, conflicts=(text,), reason=text, commit=CULPRIT),
            Tried(name=text, title=text, reason=text, commit=BROKEN),
            conclusion=text,
        ),
        failure=FailureReport(
            cell=text, sha=CULPRIT, root=root, chain=(root, root), excerpt="\n".join(HOSTILE)
        ),
        commits={CULPRIT: evil, BROKEN: evil, PARENT: evil},
        culprits={
            CULPRIT: changed(
                FileChange(path=text, added=1, removed=1, was=text),
                parents=(PARENT, BROKEN),
                merge_itself=True,
                pins=(PinChange(file=text, package=text, old=text, new=text),),
                note=text,
            )
        },
        check=CommandCheck(
            argv=(text,), files=tuple(CheckFile(path=text, sha256=text, text=held) for held in (text, ""))
        ),
        native_changes=(NativeChange(sha=CULPRIT, paths=(text,)),),
        trials=(tested, started),
        versions={text: text},
    )


def rate(sha: str, failed: int, runs: int, low: float, high: float, *signatures: str) -> FailureRate:
    """A failure rate whose texts no run can have: those of runs are sanitised."""
    return FailureRate(
        sha=sha,
        runs=runs,
        failed=failed,
        rate=failed / runs,
        low=low,
        high=high,
        signatures=tuple(SignatureCount(signature=each, count=failed) for each in signatures),
        seconds_to_failure=None,
    )


def hostile_repro() -> Document:
    text = " ".join(HOSTILE)
    cell = Reproduced(rate=rate(CULPRIT, 2, 2, 0.3, 1.0, text), baseline=rate(PARENT, 0, 2, 0.0, 0.7))
    found = Reproduction(runs=2, until_fail=False, against=PARENT, stress=text, cells={text: cell})
    return hostile().model_copy(update={"good": (), "bad": CULPRIT, "cells": {}, "repro": found})


def hostile_fixes() -> Document:
    text = " ".join(HOSTILE)
    fits = Tried(name=text, title=text, parts=(text,), sha=CULPRIT, fixed=(text,), inconclusive=(text,))
    conflicts = Tried(name=text, title=text, parts=(text,), conflicts=(text,), reason=text)
    none = Tried(name=text, title=text, parts=(text,), reason=text)
    found = FixReport(
        runs=2,
        red=(text, f"{text}[2]"),
        green=(text,),
        candidates=(fits, conflicts, none),
        combinations=(),
        verified=(),
    )
    return hostile().model_copy(update={"good": (), "cells": {}, "fixes": found})
