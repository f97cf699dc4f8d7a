"""Documents made by hand: the ways a session can end."""

from __future__ import annotations

from bisect_tool.evidence import Event, Frame, ProcessTimeline
from bisect_tool.request import CheckFile, CommandCheck
from bisect_tool.results.check_warnings import ShadowReport
from bisect_tool.results.document import (
    CellReport,
    CommitInfo,
    Confirmation,
    Cost,
    CulpritReport,
    Document,
    EndCount,
    FailureReport,
    FileChange,
    NativeChange,
    OtherFailureReport,
    ParentRuns,
    PinChange,
    Skipped,
    TrialReport,
)
from bisect_tool.results.fixes import FixReport, Tried
from bisect_tool.results.repro import FailureRate, Reproduced, Reproduction, SignatureCount, Spread

GOOD = "a97954b6a8fa41a162ebf58f80a1460a98e0baf0"
PARENT = "57c84ff12a3c0d5e6f708192a3b4c5d6e7f80912"
CULPRIT = "27066d1b2bd0dea89d617afa24da611d9a32e36a"
BAD = "5afb387bd43cef01d68119d017587e689b0729fa"
BROKEN = "0a208d1f5e6a7b8c9d0e1f2a3b4c5d6e7f809112"
REPO = "https://github.com/vllm-project/vllm"
CHECK = "#!/bin/sh\n# ```\nexec make check\n"
ROOT_TIME = 1772755200.0
GREEN_CELLS = ("test_external_lb_server_info[1]", "test_external_lb_teardown[1]")
RED_CELLS = (
    "test_external_lb_server_info[4]",
    "test_external_lb_completion_streaming[4]",
    "test_external_lb_teardown[4]",
)


def commit(sha: str, subject: str, pr: int | None = None, author: str = "Mark McLoughlin") -> CommitInfo:
    return CommitInfo(sha=sha, subject=subject, author=author, date="2026-03-05T14:20:11+00:00", pr=pr)


COMMITS = {
    GOOD: commit(GOOD, "[Docs] Describe the scheduler's priorities (#36101)", 36101, "Ada Example"),
    PARENT: commit(PARENT, "[Bugfix] Keep the stop token out of the text (#36190)", 36190, "Ada Example"),
    CULPRIT: commit(
        CULPRIT,
        "[Frontend][Core] Add shutdown timeout - allowing in-flight requests to finish (#34730)",
        34730,
    ),
    BAD: commit(BAD, "[CI] Run the distributed tests nightly (#36210)", 36210, "Ada Example"),
    BROKEN: commit(
        BROKEN, "[BugFix] Fix engine hanging after KV cache failure (#35478)", 35478, "Ada Example"
    ),
}


def event(prerequisites: float, role: str, exception: str = "", message: str = "", **more: object) -> Event:
    fields = {"kind": "exception" if exception else "log", "severity": "error", "source": "4-rank0", **more}
    return Event(time=ROOT_TIME + prerequisites, role=role, exception=exception, message=message, **fields)


FRAMES = (
    Frame(file="vllm/v1/engine/core.py", line=1012, function="run_engine_core"),
    Frame(file="vllm/v1/executor/multiproc_executor.py", line=668, function="wait_for_ready"),
)
CHAIN = (
    event(
        0.0,
        "EngineCore_DP1",
        "Exception",
        "WorkerProc initialization failed due to an exception in a background process.",
        frames=FRAMES,
        pid=4242,
    ),
    event(
        0.0213, "Worker_DP0_TP0", "", "Parent process exited, terminating worker queues", severity="warning"
    ),
    event(0.034, "Worker_DP0_TP0", "BrokenPipeError", "[Errno 32] Broken pipe"),
    event(1.27, "Launcher", "", "Failed to start server rank 0: Server exited unexpectedly"),
    event(1.3, "Test", "Exception", "Servers failed to start", kind="test", source="suite"),
)
FAILURE = FailureReport(
    cell=RED_CELLS[0],
    sha=CULPRIT,
    root=CHAIN[0],
    chain=CHAIN,
    excerpt="(EngineCore_DP1 pid=4242) worker 0 did not come up\n(Worker_DP0_TP0 pid=4250) BrokenPipeError",
    cells=RED_CELLS,
    signature="EngineCore: Exception: WorkerProc initialization failed",
)


def trial(sha: str, purpose: str, outcomes: dict[str, str], **more: object) -> TrialReport:
    fields: dict[str, object] = {
        "outcome": "failed" if "failed" in outcomes.values() else "passed",
        "seconds": 31.4,
        "build_seconds": 0.0,
        "environment": "3f9a1c",
        "slot": 0,
        "leftovers": (),
        "log": f"/home/ada/.local/state/bisect-run/sessions/20260306-101500-1a2b/trials/{sha[:9]}",
        **more,
    }
    return TrialReport(sha=sha, purpose=purpose, cells=tuple(outcomes), outcomes=outcomes, **fields)


def process(role: str, pid: int, ready: float | None, source: str = "4-rank0") -> ProcessTimeline:
    """Spawned at ROOT_TIME, ready so many seconds later."""
    return ProcessTimeline(
        role=role,
        pid=pid,
        source=source,
        spawned=ROOT_TIME,
        ready=None if ready is None else ROOT_TIME + ready,
        exit=ROOT_TIME + 60.0,
    )


def timeline(engine: float | None, servers: float | None) -> tuple[ProcessTimeline, ...]:
    """A rank with one API server, and one with four, of which the first took as long as asked for."""
    return (
        process("APIServer", 4101, 31.5, "1-rank0"),
        process("Launcher", 4236, None),
        process("ResourceTracker", 4237, None),
        process("EngineCore_DP0", 4240, engine),
        process("ApiServer_0", 4251, servers),
        process("ApiServer_1", 4252, None if servers is None else servers + 1.0),
        process("", 4260, None),
    )


def outcomes(red: str) -> dict[str, str]:
    return {**dict.fromkeys(GREEN_CELLS, "passed"), **dict.fromkeys(RED_CELLS, red)}


def green(runs: int = 2) -> CellReport:
    return CellReport(finding="green", good=EndCount(runs=runs, failed=0), bad=EndCount(runs=runs, failed=0))


def red(**more: object) -> CellReport:
    fields: dict[str, object] = {
        "finding": "culprit",
        "good": EndCount(runs=2, failed=0),
        "bad": EndCount(runs=2, failed=2),
        "culprit": COMMITS[CULPRIT],
        "last_good": PARENT,
        "culprit_runs": EndCount(runs=3, failed=3),
        "last_good_runs": EndCount(runs=2, failed=0),
        "candidates": (CULPRIT,),
        "signature": "EngineCore: Exception: WorkerProc initialization failed",
        **more,
    }
    return CellReport(**fields)


def document(**more: object) -> Document:
    """A session that named its culprit; any field can be given another value."""
    fields: dict[str, object] = {
        "schema": 2,
        "command": "run",
        "rerun": f"bisect-run --repo {REPO} --good a97954b6a8fa --bad 5afb387bd43c --scenario external-lb-dp",
        "session": "20260306-101500-1a2b",
        "created": "2026-03-06T10:15:00+00:00",
        "scenario": "external-lb-dp",
        "profile": "vllm-cpu",
        "repo": REPO,
        "good": (GOOD,),
        "bad": BAD,
        "candidates_total": 20,
        "exit_code": 0,
        "conclusion": "culprit found",
        "cells": {**dict.fromkeys(GREEN_CELLS, green()), **dict.fromkeys(RED_CELLS, red())},
        "failure": FAILURE,
        "commits": COMMITS,
        "trials": (
            trial(BAD, "bad end", outcomes("failed"), build_seconds=12.0, seconds=43.4),
            trial(GOOD, "good end", outcomes("passed"), timeline=timeline(41.5, 73.9)),
            trial(
                CULPRIT,
                "narrow",
                outcomes("failed"),
                leftovers=("shm psm_1f2e", "process worker (pid 4250)"),
                timeline=timeline(44.3, None),
            ),
            trial(PARENT, "confirm", outcomes("passed"), timeline=timeline(42.5, 74.9)),
        ),
        "cost": Cost(trials=4, builds=1, seconds=137.6, gpu_seconds=0.0),
        "versions": {"bisect-run": "0.1.0", "python": "3.11.9", "platform": "Linux-6.8-glibc2.39"},
        **more,
    }
    return Document.model_validate(fields)


def changed(*files: FileChange, parents: tuple[str, ...] = (PARENT,), **more: object) -> CulpritReport:
    fields: dict[str, object] = {
        "parents": tuple(ParentRuns(sha=sha, trials=1, runs=3, failed=0) for sha in parents),
        "files": files,
        "files_total": len(files),
        "added": sum(each.added or 0 for each in files),
        "removed": sum(each.removed or 0 for each in files),
        **more,
    }
    return CulpritReport(**fields)


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
    """A merge whose parents both pass, with many files and pins, on a GitLab of one's own."""
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
    note = "how much it changes cannot be read: fatal: unable to read 1f2e"
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


def confirmation(*reverts: Tried, conclusion: str) -> Confirmation:
    return Confirmation(
        session="20260306-104205-5d07",
        conclusion=conclusion,
        fixes=FixReport(runs=2, red=RED_CELLS, green=(), candidates=reverts, combinations=(), verified=()),
        cost=Cost(trials=3, builds=0, seconds=95.0, gpu_seconds=0.0),
    )


def confirmed() -> Document:
    """Of two culprits the revert of one heals one of its cells, and that of the other conflicts."""
    partly = Tried(
        name="revert 27066d1b2",
        title="",
        sha=GOOD,
        fixed=RED_CELLS[:1],
        red=RED_CELLS[1:2],
        inconclusive=RED_CELLS[2:],
        commit=CULPRIT,
    )
    conflicts = Tried(
        name="revert 0a208d1f5",
        title="",
        conflicts=("vllm/a.py", "b|c.py"),
        reason="conflicts",
        commit=BROKEN,
    )
    other = red(culprit=COMMITS[BROKEN], last_good=None, last_good_runs=None, candidates=(BROKEN,))
    told = "no tested combination fixes every failing cell"
    return document(
        cells={GREEN_CELLS[0]: green(), **dict.fromkeys(RED_CELLS, red()), "test_other[4]": other},
        confirmation=confirmation(partly, conflicts, conclusion=told),
    )


def inconclusive() -> Document:
    reason = "does not build: error: metadata-generation-failed (setup.py egg_info exited with 1)"
    cell = red(
        finding="candidates",
        culprit=None,
        last_good=None,
        candidates=(BROKEN, PARENT, CULPRIT),
        skipped=(
            Skipped(sha=BROKEN, reason=reason),
            Skipped(sha=PARENT, reason="another failure: ImportError"),
        ),
    )
    return document(
        cells={GREEN_CELLS[0]: green(), RED_CELLS[0]: cell},
        exit_code=3,
        conclusion="the first bad commit is among untestable commits",
        failure=FAILURE.model_copy(update={"sha": ""}),
        trials=(
            trial(BAD, "bad end", outcomes("failed")),
            trial(BROKEN, "narrow", {}, outcome="unbuildable", reason=reason),
        ),
    )


def flaky() -> Document:
    cell = red(
        finding="flaky",
        culprit=None,
        last_good=None,
        candidates=(),
        good=EndCount(runs=2, failed=1),
        note="runs of the same commit disagree",
    )
    return document(
        cells={GREEN_CELLS[0]: green(), RED_CELLS[0]: cell},
        exit_code=3,
        conclusion="no culprit: the failing cells are flaky",
        failure=FAILURE.model_copy(update={"sha": ""}),
    )


def all_green() -> Document:
    return document(
        cells=dict.fromkeys((*GREEN_CELLS, *RED_CELLS), green()),
        exit_code=4,
        conclusion="all cells pass at the bad commit",
        failure=None,
        trials=(trial(BAD, "bad end", outcomes("passed")),),
        cost=Cost(trials=1, builds=0, seconds=31.4, gpu_seconds=0.0),
    )


def command() -> Document:
    """A plain command on a project without scenario, interrupted after its ends were verified."""
    root = event(0.0, "Test", "CommandFailed", "the command failed", kind="test")
    excerpt = "\n".join(f"line {number} of the check" for number in range(40))
    return document(
        scenario="",
        profile="",
        repo="/home/ada/project",
        rerun="bisect-run --repo /home/ada/project --good v1 --bad main -- /home/ada/checks/check.sh --all",
        cells={"command": red()},
        failure=FailureReport(cell="command", sha=CULPRIT, root=root, chain=(root,), excerpt=excerpt),
        check=CommandCheck(
            argv=("/home/ada/checks/check.sh", "--all"),
            files=(
                CheckFile(path="/home/ada/checks/check.sh", sha256="1f2e" * 16, text=CHECK),
                CheckFile(path="/home/ada/checks/data.py", sha256="3a4b" * 16),
            ),
        ),
        withheld=("LICENSE_KEY", "MONKEY"),
        trials=(
            trial(PARENT, "narrow", {"command": "passed"}, environment=""),
            trial(CULPRIT, "narrow", {"command": "failed"}, environment="", slot=1),
        ),
        cost=Cost(trials=2, builds=0, seconds=62.8, wall_seconds=40.2, gpu_seconds=0.0),
    )


def suspect() -> Document:
    """A plain command whose commit found fails in another way than the bad end."""
    root = event(0.0, "Command", "ImportError", "cannot import name spam", kind="exit")
    root = root.model_copy(update={"exit": "exit code 2"})
    found = OtherFailureReport(
        found="exit code 2: ImportError: cannot import name spam",
        bad_end="exit code 1: AssertionError: 3 != 4 | `see` https://example.org",
    )
    report = red().model_copy(update={"finding": "suspect", "other_failure": found})
    rerun = "bisect-run --repo /home/ada/project --good v1 --bad main"
    return document(
        scenario="",
        profile="",
        repo="/home/ada/project",
        rerun=f"{rerun} -- /home/ada/checks/check.sh",
        rerun_same_failure=f"{rerun} --same-failure -- /home/ada/checks/check.sh",
        exit_code=3,
        conclusion="suspect: a different failure than at the bad commit",
        cells={"command": report},
        failure=FailureReport(
            cell="command",
            sha=CULPRIT,
            root=root,
            chain=(root,),
            excerpt="ImportError: cannot import name spam",
        ),
        trials=(
            trial(PARENT, "narrow", {"command": "passed"}, environment=""),
            trial(CULPRIT, "narrow", {"command": "failed"}, environment="", exit="exit code 2"),
        ),
        cost=Cost(trials=2, builds=0, seconds=2.8, wall_seconds=2.8, gpu_seconds=0.0),
    )


def shadowed() -> Document:
    """A check that fails at every commit, since its Python imports the project from the checkout."""
    rerun = "bisect-run --repo /home/ada/project --good v1 --bad main -- "
    python = "/home/ada/project/.venv/bin/python"
    found = (
        f"{python} imports the project from your checkout, /home/ada/project/src, at every commit "
        "(/home/ada/project/.venv/lib/python3.11/site-packages/_project.pth)"
    )
    again = f"env PYTHONPATH=src {python} -m pytest"
    cell = red(finding="always red", culprit=None, last_good=None, candidates=())
    return document(
        scenario="",
        profile="",
        repo="/home/ada/project",
        exit_code=4,
        conclusion="the good and bad commits do not reproduce the regression",
        rerun=f"{rerun}{python} -m pytest",
        cells={"command": cell},
        failure=None,
        check=CommandCheck(argv=(python, "-m", "pytest")),
        shadows=(ShadowReport(found=found, rerun=f"{rerun}{again}"),),
        trials=(trial(BAD, "bad end", {"command": "failed"}, environment=""),),
        cost=Cost(trials=1, builds=0, seconds=31.4, gpu_seconds=0.0),
    )


def step() -> Document:
    """One commit that was tested by itself."""
    cell = red(
        finding="unverified", culprit=None, last_good=None, candidates=(), good=EndCount(runs=0, failed=0)
    )
    return document(
        command="step",
        good=(),
        candidates_total=1,
        conclusion="tested: 1 failed",
        cells={RED_CELLS[0]: cell},
        failure=FAILURE.model_copy(update={"sha": ""}),
        trials=(trial(BAD, "bad end", {RED_CELLS[0]: "failed"}),),
    )


def interrupted() -> Document:
    return document(
        cells={},
        exit_code=130,
        resumable=True,
        conclusion="not finished: narrowed to 9 commits",
        failure=None,
        trials=(
            trial(BAD, "bad end", outcomes("failed"), build_seconds=12.0, seconds=43.4),
            trial(GOOD, "good end", outcomes("passed")),
        ),
        cost=Cost(trials=2, builds=1, seconds=74.8, gpu_seconds=0.0),
    )


def running() -> Document:
    return interrupted().model_copy(update={"running": True, "resumable": False})


def rate(sha: str, failed: int, runs: int, low: float, high: float, *signatures: str) -> FailureRate:
    return FailureRate(
        sha=sha,
        runs=runs,
        failed=failed,
        rate=failed / runs if runs else None,
        low=low,
        high=high,
        signatures=tuple(SignatureCount(signature=each, count=failed) for each in signatures),
        seconds_to_failure=Spread(median=31.4, min=9.1, max=43.4) if failed else None,
    )


def repro() -> Document:
    """A flaky cell and a green one, each run often at two commits."""
    cells = {
        RED_CELLS[0]: Reproduced(
            rate=rate(CULPRIT, 6, 20, 0.145, 0.519, "EngineCore: Exception: WorkerProc failed"),
            baseline=rate(PARENT, 0, 20, 0.0, 0.161),
            p_value=0.0202,
        ),
        GREEN_CELLS[0]: Reproduced(
            rate=rate(CULPRIT, 0, 20, 0.0, 0.161), baseline=rate(PARENT, 0, 0, 0.0, 1.0), p_value=1.0
        ),
    }
    return document(
        command="repro",
        good=(),
        bad=CULPRIT,
        exit_code=1,
        conclusion=f"reproduced: {RED_CELLS[0]} failed in 6 of 20 runs under --stress delay",
        cells={},
        repro=Reproduction(runs=20, until_fail=False, against=PARENT, stress="delay", cells=cells),
    )


def repro_running() -> Document:
    """Interrupted before the first run of one commit had ended."""
    return document(
        command="repro",
        good=(),
        bad=CULPRIT,
        exit_code=130,
        resumable=True,
        conclusion="not finished: 20 runs left",
        cells={},
        repro=Reproduction(runs=20, until_fail=False, against=None, cells={}),
        failure=None,
        trials=(),
    )


def fixes() -> Document:
    """One revert heals a part, another conflicts, a patch does not fit, both reverts together heal all."""
    names = ("revert 27066d1b2", "revert 57c84ff12", "apply fix.patch")
    alone = Tried(
        name=names[0],
        title=f'Revert "{COMMITS[CULPRIT].subject}"',
        parts=names[:1],
        sha=BROKEN,
        fixed=RED_CELLS[:2],
        red=RED_CELLS[2:],
        broken=GREEN_CELLS[:1],
        inconclusive=GREEN_CELLS[1:],
    )
    conflicts = Tried(
        name=names[1], title="Revert | it", parts=names[1:2], conflicts=("a.py", "b|c.py"), reason="conflicts"
    )
    patch = Tried(
        name=names[2], title="Apply fix.patch", parts=names[2:], reason="it changes nothing that is not there"
    )
    both = Tried(
        name=" + ".join(names[:2]), title="", parts=names[:2], sha=GOOD, fixes_all=True, fixed=RED_CELLS
    )
    return document(
        command="fixes",
        good=(),
        conclusion=f"fixed by {names[1]} and {names[0]}",
        cells={},
        fixes=FixReport(
            runs=2,
            red=RED_CELLS,
            green=GREEN_CELLS,
            candidates=(alone, conflicts, patch),
            combinations=(both,),
            verified=(),
            smallest=names[:2],
            truncated=True,
        ),
    )


def fixes_running() -> Document:
    """Interrupted: one revert is not run yet, another did not build, a third passed once of twice."""
    names = ("revert 27066d1b2", "revert 57c84ff12", "revert 0a208d1f5")
    rest = (Tried(name=name, title="Revert it", parts=(name,), sha=GOOD) for name in names)
    waits, unbuilt, begun = rest
    unbuilt = unbuilt.model_copy(update={"inconclusive": (*RED_CELLS, *GREEN_CELLS)})
    whole = fixes()
    told = whole.fixes.model_copy(
        update={"candidates": (waits, unbuilt, begun), "combinations": (), "smallest": (), "truncated": False}
    )
    return whole.model_copy(
        update={
            "exit_code": 130,
            "resumable": True,
            "conclusion": "not finished: not all candidates were tested",
            "fixes": told,
        }
    )


def fixes_unfit() -> Document:
    """Nothing was run, since nothing fits."""
    whole = fixes()
    found = FixReport(
        runs=2, red=(), green=(), candidates=whole.fixes.candidates[1:], combinations=(), verified=()
    )
    conclusion = "no candidate applies to the failing commit, so nothing was run"
    return whole.model_copy(
        update={"exit_code": 3, "conclusion": conclusion, "fixes": found, "failure": None, "trials": ()}
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
    """Every text that others write holds the whole corpus."""
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
    told = trial(
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
        trials=(told, started),
        versions={text: text},
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
    """Bad commits take longer to start than good ones beyond chance, and leave what these do not."""

    def ran(sha: str, outcome: str, engine: float, **more: object) -> TrialReport:
        started = (process("EngineCore_DP0", 4240, engine), process("ApiServer_0", 4251, 70.0))
        return trial(sha, "narrow", outcomes(outcome), timeline=started, **more)

    goods = [ran(PARENT, "passed", 41.0 + step) for step in range(4)]
    left = ("shm psm_1f2e", "file $TMPDIR/lock")
    bads = [ran(CULPRIT, "failed", 52.0 + step, leftovers=left) for step in range(4)]
    return document(trials=(*goods, *bads))
