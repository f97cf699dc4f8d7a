"""A failed build is explained like any command, and the report has the chain and the excerpt."""

import threading

import pytest

from bisect_tool.build import BuildFailed
from bisect_tool.checks import CommandCheck
from bisect_tool.json_document.failures import build_failures
from bisect_tool.paths import Home
from bisect_tool.render.failures import who
from bisect_tool.session.store import TrialRow
from bisect_tool.trial import run
from bisect_tool.trial.config import TrialConfig, TrialSpec
from bisect_tool.trial.run import run_trial
from bisect_tool.verdict import Outcome

OUTPUT = """\
$ make
cc -c kiln.c
kiln.c:3:5: error: 'page' undeclared (first use in this function)
make: *** [Makefile:2: kiln.o] Error 1
"""


@pytest.fixture
def unbuildable(tmp_path, monkeypatch):
    log = tmp_path / "build.log"
    log.write_text(OUTPUT)

    def fail(*_):
        raise BuildFailed("make ended with code 2: make: *** Error 1", log, "make", 2)

    monkeypatch.setattr(run, "_environment", fail)
    setting = TrialConfig(CommandCheck(argv=("true",)), Home(tmp_path, tmp_path), None, None, 10.0)
    order = TrialSpec("a" * 40, tmp_path, "", ("test_a",), tmp_path / "trial", 0, set)
    return run_trial(setting, order, lambda *_: None, threading.Event())


def test_reason_is_the_compilers_error(unbuildable):
    assert unbuildable.outcome is Outcome.UNBUILDABLE
    assert unbuildable.reason == (
        "does not build: make ended with exit code 2: error: 'page' undeclared (first use in this function)"
    )


def test_report_explains_the_failed_build(unbuildable):
    (report,) = build_failures([TrialRow(1, "bad end", unbuildable)])
    assert who(report) == "the build fails"
    assert "kiln.c:3:5: error" in report.excerpt
