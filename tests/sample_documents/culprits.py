"""Sessions with culprits: one, a merge, a root commit, two of them, five hundred cells."""

from __future__ import annotations

from bisect_tool.json_document.document import (
    Document,
    FailureReport,
    FileChange,
    NativeChange,
    PinChange,
    TrialReport,
)
from sample_documents.parts import (
    BAD,
    BROKEN,
    CHAIN,
    COMMITS,
    CULPRIT,
    FAILURE,
    GREEN_CELLS,
    PARENT,
    RED_CELLS,
    REPO,
    changed,
    document,
    event,
    green,
    outcomes,
    process,
    red,
    trial,
)

CHANGED = changed(
    FileChange(path="csrc/cpu/shm.cpp", added=12, removed=4),
    FileChange(path="docs/shutdown.png"),
    FileChange(path="requirements/cpu.txt", added=1, removed=1),
    FileChange(path="vllm/v1/engine/core.py", added=120, removed=31, was="vllm/engine/core.py"),
    pins=(PinChange(file="requirements/cpu.txt", package="torch", old="torch==2.9.0", new="torch==2.10.0"),),
)


def culprit() -> Document:
    native = (
        NativeChange(sha=BROKEN, paths=("cmake/cpu_extension.cmake",)),
        NativeChange(sha=CULPRIT, paths=("csrc/cpu/shm.cpp", "setup.py")),
    )
    return document(native_changes=native, origin=REPO, culprits={CULPRIT: CHANGED})


def merge() -> Document:
    """A merge whose parents both pass, with many files and pins, on a self-hosted GitLab."""
    files = tuple(FileChange(path=f"src/part_{number}.py", added=number, removed=1) for number in range(9))
    pins = tuple(
        PinChange(file=file, package=f"pin-{number}", old=f"pin-{number}==1", new=f"pin-{number}==2")
        for number in range(10)
        for file in ("uv.lock", "requirements.txt")
    )
    added = PinChange(file="pyproject.toml", package="new", old="", new="new>=1")
    gone = PinChange(file="pyproject.toml", package="gone", old="gone", new="")
    found = {"merge_itself": True, "files_total": 240, "pins": (added, gone, *pins)}
    itself = changed(*files, parents=(PARENT, BROKEN), **found)
    return document(
        repo="/home/ada/vllm",
        origin="git@gitlab.example.org:group/vllm.git",
        culprits={CULPRIT: itself},
        trials=(
            trial(BAD, "bad end", outcomes("failed")),
            trial(CULPRIT, "narrow", outcomes("failed")),
            trial(CULPRIT, "confirm", {RED_CELLS[0]: "failed"}),
            trial(PARENT, "confirm", outcomes("passed")),
            trial(BROKEN, "confirm", outcomes("passed")),
        ),
    )


def root() -> Document:
    """A root commit, of which a part is not there."""
    note = "the changed lines cannot be read: fatal: unable to read 1f2e"
    return document(
        cells={RED_CELLS[0]: red(last_good=None, last_good_runs=None)},
        culprits={CULPRIT: changed(FileChange(path="a.py"), parents=(), note=note)},
    )


def two_culprits() -> Document:
    other = red(
        culprit=COMMITS[BROKEN],
        last_good=None,
        last_good_runs=None,
        candidates=(BROKEN,),
        confidence=0.97,
        order_dependent=True,
        prerequisites=(GREEN_CELLS[0],),
        leftovers=("shm psm_5f2a", "process EngineCore_DP0 (pid 4711)"),
    )
    cells = {RED_CELLS[0]: red(), RED_CELLS[1]: other, GREEN_CELLS[0]: green()}
    broken = event(0.0, "ApiServer_2", "BrokenPipeError", "[Errno 32] Broken pipe")
    failures = (
        FAILURE.model_copy(update={"cells": RED_CELLS[:1]}),
        FailureReport(
            cell=RED_CELLS[1],
            sha=BROKEN,
            root=broken,
            chain=(broken, CHAIN[-1]),
            excerpt="(ApiServer_2 pid=4711) BrokenPipeError: [Errno 32] Broken pipe",
            cells=RED_CELLS[1:2],
            symptom=True,
        ),
    )
    return document(cells=cells, repo="/home/ada/vllm", failure=failures[0], failures=failures)


def many() -> Document:
    """500 cells: one commit turned 245 red, and another five; each failed with a signature of its own."""
    names = [f"tests/test_it.py::test_case[{number:03}]" for number in range(500)]
    turned = {name: red(confidence=0.98) for name in names[:245]}
    others = dict.fromkeys(
        names[245:250],
        red(culprit=COMMITS[BROKEN], last_good=None, note="order matters", prerequisites=(names[0],)),
    )
    failures = tuple(
        FAILURE.model_copy(update={"cell": name, "cells": (name,), "sha": sha})
        for name, sha in zip(names, [CULPRIT] * 245 + [BROKEN] * 5, strict=False)
    )
    ran = {name: "failed" if number < 250 else "passed" for number, name in enumerate(names)}
    return document(
        cells={**turned, **others, **dict.fromkeys(names[250:], green())},
        failure=failures[0],
        failures=failures,
        trials=(
            trial(BAD, "bad end", ran),
            trial(CULPRIT, "narrow", ran),
            trial(PARENT, "narrow", dict.fromkeys(names, "passed")),
        ),
    )


def contrast() -> Document:
    """Bad commits start significantly more slowly than good ones, and have other leftovers."""

    def ran(sha: str, outcome: str, engine: float, **more: object) -> TrialReport:
        started = (process("EngineCore_DP0", 4240, engine), process("ApiServer_0", 4251, 70.0))
        return trial(sha, "narrow", outcomes(outcome), timeline=started, **more)

    goods = [ran(PARENT, "passed", 41.0 + step) for step in range(4)]
    left = ("shm psm_1f2e", "file $TMPDIR/lock")
    bads = [ran(CULPRIT, "failed", 52.0 + step, leftovers=left) for step in range(4)]
    return document(trials=(*goods, *bads))
