"""A pytest plugin that streams what happens to each cell as JSON lines.

It needs only the standard library and pytest (7 to 9), because it is also loaded inside the environments of
engines: `PYTHONPATH=<this folder> pytest -p bisect_stream ...`. Environment variables configure it:

- `BISECT_RUN_REPORT`: the file to append to; without it the plugin does nothing.
- `BISECT_RUN_CELLS`: a JSON list of the cells to run; without it all run. `*` and `?` are wildcards, brackets
  are not.
- `BISECT_RUN_PROJECT`: run the tests of a Python project instead: see `bisect_project`.

A cell's name is its node id after the file: `test_external_lb_server_info[4]`. Events, each with its
`time` in epoch seconds:

- `collected`: `cells`, in the order in which they will run; for a project, also the `files` that were read;
- `uncollectable`: `cell` (the file or folder) and `failure`; the file cannot be read;
- `unread`: `cell` (the file) and `reason`; a project's file that skips all of its tests;
- `start`: `cell`;
- `phase`: `cell`, `phase` (setup, call, teardown), `outcome` (passed, failed, skipped), `seconds`,
  `failure` (`exception`, `message`, `frames` as [file, line, function], `text`, and `captured`, what the test
  and the processes below it printed) or null, `hint` (infrastructure, hung) or null, `reason` of a skip or
  null, `expected` (it failed, as its xfail mark expects), `logs` (names of log files) and `window`
  ([from, to] in epoch seconds) or null;
- `finish`: `exit`, pytest's exit status.

Once every cell has its verdict, an empty file is created, named like the report with `.complete` appended:
nothing that the session does afterwards changes a verdict. A cell has its verdict when its set-up or call has
failed, else after its teardown, which can fail as well; with a plugin that reruns failed tests, at the end.

Each line is one write to a file opened for appending, so a process that is killed leaves whole lines.
An exception can set `bisect_outcome`, `bisect_logs` and `bisect_window` as attributes. So can the value of a
fixture that a cell uses (the latter two), for failures that are plain assertions.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.stream import bisect_project
else:  # in a project's own environment there is no bisect_tool: this folder is on the path
    import bisect_project

REPORT = "BISECT_RUN_REPORT"
CELLS = "BISECT_RUN_CELLS"

MESSAGE_LIMIT = 10_000
TEXT_LIMIT = 100_000
COMPLETE = ".complete"
FRAME_LIMIT = 100

_HOOKS = "bisect-project-hooks"
_REPORTER = "bisect-stream-reporter"
_RERUNNING = ("rerunfailures", "flaky")
_MACHINERY = frozenset({"_pytest", "pluggy"})


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Set up a project's tests before its conftest.py is read, which may fail."""
    path, project = os.environ.get(REPORT), bisect_project.Project.read()
    if path and project is not None:
        bisect_project.accept_harmless(parser, pluginmanager.has_plugin)
        reporter = ProjectReporter(path, project)
        pluginmanager.register(reporter, _REPORTER)
        pluginmanager.register(reporter.hooks, _HOOKS)


def pytest_configure(config: pytest.Config) -> None:
    """Start the report if one is requested."""
    path = os.environ.get(REPORT)
    if path and not config.pluginmanager.has_plugin(_REPORTER):
        config.pluginmanager.register(Reporter(path, _requested_cells(), _reruns(config)), _REPORTER)


def _reruns(config: pytest.Config) -> bool:
    return any(config.pluginmanager.hasplugin(name) for name in _RERUNNING)


class Reporter:
    """Writes the events of one pytest session."""

    def __init__(self, path: str, cells: re.Pattern[str] | None, reruns: bool = False) -> None:
        self._report = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._complete = Path(path + COMPLETE)
        self._cells = cells
        self._reruns = reruns
        self._open: set[str] = set()
        self._process = os.getpid()
        self._is_copy = False

    def emit(self, event: str, **fields: object) -> None:
        """Write one event, unless this process is a copy of pytest that a test forked."""
        if self._is_copy:
            return
        line = json.dumps({"event": event, **fields, "time": time.time()}) + "\n"
        os.write(self._report, line.encode("ascii"))

    def cell(self, item: pytest.Item) -> str:
        """Return the cell of a test."""
        return cell_of(item.nodeid)

    def called(self, nodeid: str) -> str:
        """The cell of a test that was collected."""
        return cell_of(nodeid)

    def wants(self, cell: str) -> bool:
        """Whether a cell was requested."""
        return self._cells is None or self._cells.fullmatch(cell) is not None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the requested cells, in the suite's own order."""
        others = [item for item in items if not self.wants(self.cell(item))]
        items[:] = [item for item in items if self.wants(self.cell(item))]
        if others:
            config.hook.pytest_deselected(items=others)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Report the cells that will run."""
        self._open = {item.nodeid for item in session.items}
        self.emit("collected", cells=[self.cell(item) for item in session.items])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a file that cannot be read as a suite."""
        if report.failed:
            text = report.longreprtext
            failure = {"exception": "", "message": _last_line(text), "frames": [], "text": _tail(text)}
            self.emit("uncollectable", cell=report.nodeid, failure=failure)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report that a cell starts."""
        self.emit("start", cell=self.called(nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Remember the process of the test: pytest-forked starts one for each."""
        self._process = os.getpid()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Report a phase after all other plugins have changed it (skips, expected failures)."""
        outcome: Any = yield
        self._is_copy |= os.getpid() != self._process
        report: pytest.TestReport = outcome.get_result()
        failed = report.outcome == "failed"
        error = call.excinfo.value if call.excinfo is not None else None
        attached = _attached_to(error if failed else None, item)
        self.emit(
            "phase",
            cell=self.cell(item),
            phase=report.when,
            outcome=report.outcome,
            seconds=report.duration,
            failure=_failure(report, call.excinfo) if failed else None,
            hint=_attribute(error, "bisect_outcome") if failed else None,
            reason=_skip_reason(report) if report.outcome == "skipped" else None,
            expected=report.outcome == "skipped" and _failed_as_marked(report, error),
            **attached,
        )
        if failed or report.when == "teardown":
            self._open.discard(item.nodeid)
            if not self._open and not self._reruns:
                self._touch()

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Report the end; a session without it was killed."""
        self.emit("finish", exit=int(exitstatus))
        self._touch()

    def _touch(self) -> None:
        if not self._is_copy:
            self._complete.touch()

    def pytest_unconfigure(self) -> None:
        """Close the report."""
        os.close(self._report)


class ProjectReporter(Reporter):
    """Writes the events of one pytest session that runs the tests of a Python project."""

    def __init__(self, path: str, project: bisect_project.Project) -> None:
        super().__init__(path, None)
        self._project = project
        self.hooks = bisect_project.Hooks(project, self.emit)

    def cell(self, item: pytest.Item) -> str:
        """The cell that a test is: its node id, from the top of the tree."""
        return self._project.cell(item)

    def called(self, nodeid: str) -> str:
        """The cell of a test that was collected."""
        return self._project.called(nodeid)

    def wants(self, cell: str) -> bool:
        """Whether a cell was requested."""
        return self._project.wants(cell)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Report the cells that will run, and the files that could be read."""
        self._open, self._reruns = {item.nodeid for item in session.items}, _reruns(session.config)
        files = [*self.hooks.files, *self.hooks.conftests(session.config)]
        self.emit("collected", cells=[self.cell(item) for item in session.items], files=files)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Do nothing: the hooks report the file with its exception."""


def cell_of(nodeid: str) -> str:
    """Return the cell's name: the node id after the file."""
    return nodeid.partition("::")[2]


def _requested_cells() -> re.Pattern[str] | None:
    text = os.environ.get(CELLS)
    if text is None:
        return None
    try:
        cells = json.loads(text)
    except ValueError as error:
        raise pytest.UsageError(f"{CELLS} is not JSON: {error}") from None
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise pytest.UsageError(f"{CELLS} must be a JSON list of cell names, not {text!r}")
    wild = (re.escape(cell).replace(r"\*", ".*").replace(r"\?", ".") for cell in cells)
    return re.compile("|".join(wild) or "(?!)", re.DOTALL)


def _failure(
    report: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException] | None
) -> dict[str, Any]:
    text = report.longreprtext
    if excinfo is None:  # an unexpected pass is a failure without an exception
        record: dict[str, Any] = {"exception": "", "message": _last_line(text), "frames": []}
        return {**record, "text": _tail(text), "captured": _captured(report)}
    kind = excinfo.type
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    message = _head(_message(excinfo.value))
    record = {"exception": name, "message": message, "frames": _frames(excinfo)}
    return {**record, "text": _tail(text), "captured": _captured(report)}


def _captured(report: pytest.TestReport) -> str:
    """Return all output that pytest captured so far, standard error included."""
    return _tail("\n".join(content for title, content in report.sections if title.startswith("Captured")))


def _frames(excinfo: pytest.ExceptionInfo[BaseException]) -> list[list[Any]]:
    """Return the innermost frames as [file, line, function], without pytest's own."""
    own = [entry for entry in excinfo.traceback if not _MACHINERY.intersection(Path(entry.path).parts)]
    return [[str(entry.path), entry.lineno + 1, entry.name] for entry in own[-FRAME_LIMIT:]]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failed:  # noqa: BLE001 -- a foreign __str__ may raise anything
        return f"<unprintable {type(error).__name__}: {type(failed).__name__}>"


def _attached_to(error: BaseException | None, item: pytest.Item) -> dict[str, Any]:
    """Return the `logs` and `window` of the failure, else those of the first fixture that has them."""
    logs, window = _attribute(error, "bisect_logs"), _attribute(error, "bisect_window")
    if logs is None:
        for value in (getattr(item, "funcargs", None) or {}).values():
            logs = _own_attribute(value, "bisect_logs")
            if logs is not None:
                window = _own_attribute(value, "bisect_window")
                break
    return {"logs": [str(name) for name in logs or ()], "window": list(window) if window else None}


def _attribute(error: BaseException | None, name: str) -> Any:  # noqa: ANN401 - as it was set
    """Return an attribute of the exception, or of the first of its causes and contexts that has it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        value = _own_attribute(error, name)
        if value is not None:
            return value
        error = error.__cause__ or error.__context__
    return None


def _own_attribute(value: object, name: str) -> Any:  # noqa: ANN401 - as it was set
    """Return an attribute of a foreign object; None for a mock or proxy, which has every attribute."""
    if not hasattr(type(value), name) and name not in getattr(value, "__dict__", {}):
        return None
    return getattr(value, name, None)


def _failed_as_marked(report: pytest.TestReport, error: BaseException | None) -> bool:
    """Whether a test failed as its xfail mark expects; a call of `pytest.xfail` counts as a skip."""
    return hasattr(report, "wasxfail") and not isinstance(error, pytest.xfail.Exception)


def _skip_reason(report: pytest.TestReport) -> str:
    expected_failure = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        why = expected_failure.removeprefix("reason: ")
        return _head(f"expected failure: {why}" if why else "expected failure")
    if isinstance(report.longrepr, tuple):
        return _head(re.sub("^Skipped: ", "", str(report.longrepr[2])))
    return _head(report.longreprtext)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return _head(lines[-1]) if lines else ""


def _head(text: str) -> str:
    return text[:MESSAGE_LIMIT]


def _tail(text: str) -> str:
    return text[-TEXT_LIMIT:]
