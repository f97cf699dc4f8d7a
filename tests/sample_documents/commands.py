"""Sessions that ran a plain command."""

from __future__ import annotations

from bisect_tool.checks import CheckFile, CommandCheck
from bisect_tool.json_document.check_warnings import ShadowReport
from bisect_tool.json_document.document import Cost, Document, FailureReport, OtherFailureReport
from sample_documents.parts import (
    BAD,
    CULPRIT,
    PARENT,
    document,
    event,
    red,
    trial,
)

CHECK = "#!/bin/sh\n# ```\nexec make check\n"


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
    """A plain command whose culprit fails in another way than the bad end."""
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
        conclusion="suspect: the failure differs from the one at the bad commit",
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
