"""What to check if the good and bad commits do not show the regression: one sentence for the terminal."""

from __future__ import annotations

import posixpath
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.format import short
from bisect_tool.planner.cell_conclusion import HIDES_FAILURES, WITHOUT_TESTS
from bisect_tool.planner.cell_runs import NO_TEST_RAN
from bisect_tool.trial.cell_outcomes import NO_SUCH_TEST, NONE_SELECTED, NONE_THERE
from bisect_tool.trial.command_check import NOT_THERE

if TYPE_CHECKING:
    from bisect_tool.json_document.document import Document

_SAME_PACKAGES = " The packages are the same at every commit; --profile environment installs those of each."
_PIPEFAIL = "Use `bash -o pipefail -c`, or write the output to a file."
_PIPELINE = re.compile(r"(?<!\|)\|(?!\|)")
_SHELL = re.compile(r"(?:ba|da|z|k)?sh")


def endpoint_advice(document: Document) -> str:
    """Return what to check if the good and bad commits do not show the regression."""
    findings = {report.finding for report in document.cells.values()}
    if document.shadows:
        return "Every commit gave the same result: the report lists what may hide the commits from the check."
    if document.rerun_same_failure:
        return (
            "The good commit fails in another way. If the check does not apply there, skip such "
            f"commits: {document.rerun_same_failure}"
        )
    if "always red" in findings:
        return f"{_always_red_advice(document)}{subfolder_note(document)}"
    if advice := _test_advice(document) or _untested_advice(document):
        return advice
    if _has_pipeline(document):
        return f"The command ends with the exit code of a pipeline's last program. {_PIPEFAIL}"
    runs = "--runs" if document.fixes else "--endpoint-runs"
    advice = f"Check that CI tested these commits. The failure may need other hardware, or more {runs}."
    return f"{advice}{subfolder_note(document)}"


def _has_pipeline(document: Document) -> bool:
    """Whether the check is a shell program with a pipeline, of which only the last program counts."""
    argv = document.check.argv if document.check else ()
    programs = [word for word in argv if _PIPELINE.search(word)]
    shell = any(_SHELL.fullmatch(posixpath.basename(word)) for word in argv)
    return shell and bool(programs) and not any("pipefail" in word for word in argv)


def _always_red_advice(document: Document) -> str:
    """Return what to check if no commit passes."""
    if not document.good:
        return (
            "The check may not work at older commits. If you know a commit that passes, name it with --good."
        )
    same = _SAME_PACKAGES if (document.scenario, document.profile) == ("pytest", "python") else ""
    return f"The good commit also fails: use an older one, or see its log for the reason.{same}"


def subfolder_note(document: Document) -> str:
    """Return a note if the command was given in a subfolder but ran at the root; else empty."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # it was removed during the run
        return ""
    top = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    if document.check is None or top == folder or str(top) != document.repo:
        return ""
    program = f"cd {shlex.quote(str(folder.relative_to(top)))} && ..."
    here = f"-- sh -c {shlex.quote(program)}"
    return f" It ran at the root of the commit's tree; to run it in this directory: {here}"


def _test_advice(document: Document) -> str:
    """Return how to select tests, or use newer ones at older commits, if a commit lacks them; else empty."""
    if NONE_SELECTED in document.conclusion:
        return (
            "`pytest --collect-only -q` lists the tests. --cells matches whole names, or the part after the "
            "file name."
        )
    if NONE_THERE in document.conclusion:
        return "`pytest --collect-only -q` lists the tests. --pytest takes FILE::NAME, a file or a directory."
    notes = (report.note for report in document.cells.values())
    are_newer = "--tests-from" not in document.rerun and any(NO_SUCH_TEST in note for note in notes)
    return (
        f"The tests are newer than this commit: --tests-from {short(document.bad)} uses them at every commit."
        if are_newer
        else ""
    )


def _untested_advice(document: Document) -> str:
    """Return what to do if no test ran at a commit that decides; empty if tests ran."""
    reports = document.cells.values()
    if not reports and not document.fixes:
        return "No test ran at the bad commit: see the reason above, and the log of the trial."
    if any(NO_TEST_RAN in report.note or NOT_THERE in report.note for report in reports):
        program = f"git checkout {short(document.bad)} -- FILES || exit 125; COMMAND"
        return f"If the check's files are newer, use them at every commit: -- sh -c '{program}'"
    if any(report.finding == "unverified" for report in reports):
        untested = not any(report.bad.runs for report in reports)
        other = f", such as --bad {short(document.bad)}~1" if untested and document.find != "fix" else ""
        return (
            f"The good or the bad commit gave no result: see the reason above, or use other commits{other}."
        )
    if any(WITHOUT_TESTS in report.note for report in reports):
        return "No test ran at the bad commit: check which tests the command selects, and read its log."
    if any(HIDES_FAILURES in report.note for report in reports):
        return (
            "The exit code hides failed tests: look for `|| true`, a `-` in a Makefile, or a pipeline, which "
            f"has the exit code of its last program. {_PIPEFAIL}"
        )
    return ""
