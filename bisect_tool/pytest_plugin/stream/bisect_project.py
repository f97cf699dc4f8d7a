"""Run the tests of any Python project, each as a cell. Used by `bisect_stream`.

It needs only the standard library and pytest, for the same reason. `BISECT_RUN_PROJECT` names a JSON file:

- `tree`: the commit's tree. A cell is a node id whose file is relative to it, whatever pytest's rootdir is:
  `tests/test_a.py::TestB::test_c[1]`. A file that cannot be read is a cell of its own.
- `within`: the tests requested as `FILE::NAME`; other tests of these files are left out.
- `patterns`: run only cells that match one of them, as a whole or after the file. `*` and `?` are wildcards.
- `cells`: the cells to run, or null for all.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PROJECT = "BISECT_RUN_PROJECT"

# Run every test in one process, in the order of the files, whatever the project's configuration adds to the
# command line.
_OPTIONS = {
    "numprocesses": 0,
    "dist": "no",
    "tx": [],
    "maxfail": 0,
    "stepwise": False,
    "continue_on_collection_errors": True,
    "randomly_reorganize": False,
    "looponfail": False,
    "usepdb": False,
    "trace": False,
}
# Options that make pytest print something instead of running tests.
_PRINT_ONLY = {
    "collectonly": False,
    "setuponly": False,
    "setupplan": False,
    "showfixtures": False,
    "show_fixtures_per_test": False,
    "markers": False,
    "cacheshow": None,
    "version": 0,
    "help": False,
}
_SHUFFLING = ("randomly", "random_order", "random-order", "reverse", "pytest_randomly")
_MAJOR = int(pytest.__version__.partition(".")[0])
_MACHINERY = frozenset({"_pytest", "pluggy"})

# Options of plugins that may not be installed; they affect no verdict, so they are accepted and ignored.
_HARMLESS = {
    "xdist": (("-n", "--numprocesses"), ("--dist",), ("--maxprocesses",)),
    "pytest_cov": (("--cov",), ("--cov-report",), ("--cov-config",), ("--cov-fail-under",), ("--no-cov",)),
}
_FLAGS = {"--no-cov"}


class Project:
    """The tests to run, and their cell names."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._tree = os.path.realpath(settings["tree"])
        self._within = [str(name) for name in settings["within"]]
        self._patterns = _compile_patterns(settings["patterns"])
        self._cells = None if settings["cells"] is None else frozenset(settings["cells"])
        self._named: dict[str, str] = {}

    @classmethod
    def read(cls) -> Project | None:
        """Read the project to test from the environment; None if there is none."""
        path = os.environ.get(PROJECT)
        return cls(json.loads(Path(path).read_text(encoding="utf-8"))) if path else None

    def file(self, path: object) -> str:
        """The path of a file or folder, relative to the top of the tree."""
        return Path(os.path.relpath(os.path.realpath(str(path)), self._tree)).as_posix()

    def cell(self, node: Any) -> str:  # noqa: ANN401 - an item or a collector of any pytest
        """The name of a test, a file or a folder."""
        file = self.file(getattr(node, "path", None) or getattr(node, "fspath", "") or node.nodeid)
        rest = node.nodeid.partition("::")[2]
        self._named[node.nodeid] = f"{file}::{rest}" if rest else file
        return self._named[node.nodeid]

    def called(self, nodeid: str) -> str:
        """The name of a test that was collected."""
        return self._named.get(nodeid, nodeid)

    def wants(self, cell: str) -> bool:
        """Whether a test was requested."""
        if self._cells is not None:
            return cell in self._cells
        file = cell.partition("::")[0]
        named = [name for name in self._within if name.partition("::")[0] == file]
        inside = not named or any(
            cell == name or cell.startswith((f"{name}[", f"{name}::")) for name in named
        )
        if self._patterns is None or not inside:
            return inside
        return any(self._patterns.fullmatch(name) for name in (cell, cell.partition("::")[2]) if name)

    def wants_file(self, file: str) -> bool:
        """Whether a file must be read for the requested cells."""
        if self._cells is None:
            return True
        return any(cell.partition("::")[0] == file for cell in self._cells)

    def absent_conftests(self) -> list[str]:
        """Return the requested conftest.py files that are missing; the tests in their folders run without."""
        files = [cell for cell in self._cells or () if Path(cell).name == "conftest.py"]
        tree = Path(self._tree)
        return [each for each in files if (tree / each).parent.is_dir() and not (tree / each).exists()]


def _compile_patterns(patterns: Iterable[str]) -> re.Pattern[str] | None:
    expressions = [re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns]
    return re.compile("|".join(expressions), re.DOTALL) if expressions else None


class Hooks:
    """Overrides configuration of the project that would break the report, and reports unreadable files."""

    def __init__(self, project: Project, emit: Callable[..., None]) -> None:
        self._project = project
        self._emit = emit
        self._read: list[str] = []

    @property
    def files(self) -> list[str]:
        """The files and folders that were read without an error."""
        return self._read

    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self) -> Iterator[None]:
        """Report a conftest.py that cannot be imported; pytest exits afterwards."""
        outcome: Any = yield
        error = outcome.excinfo[1] if outcome.excinfo else None
        if error is not None:
            self._unreadable(error, "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Run the tests, whatever the configuration adds to the command line."""
        _set(config, _PRINT_ONLY)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Run every test, in one process."""
        _set(config, _OPTIONS)

    if _MAJOR >= 7:

        @pytest.hookimpl(tryfirst=True)
        def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
            """Ignore test files that have no requested cell."""
            if collection_path.is_dir() or collection_path.name in ("__init__.py", "conftest.py"):
                return None
            return None if self._project.wants_file(self._project.file(collection_path)) else True

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        """Report a file or folder that cannot be read, and remember one that can."""
        outcome: Any = yield
        if outcome.excinfo and issubclass(outcome.excinfo[0], SystemExit):  # it would end pytest
            text = f"SystemExit: {outcome.excinfo[1]}"
            outcome.force_result(pytest.CollectReport(collector.nodeid, "failed", text, []))
        report = outcome.get_result()
        if not report.nodeid:
            return
        call = getattr(report, "call", None)
        error = call.excinfo.value if call is not None and call.excinfo is not None else None
        cell = self._project.cell(collector)
        if report.failed and error is not None:
            self._unreadable(error, cell, report.longreprtext)
        elif report.failed:
            self._emit("uncollectable", cell=cell, failure=failure_of(None, report.longreprtext))
        elif report.skipped:
            self._emit("unread", cell=cell, reason=str(report.longrepr[2]) if report.longrepr else "")
        elif "::" not in cell:
            self._read.append(cell)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Iterator[None]:
        """Restore the order of the files if a plugin shuffles the tests."""
        order = {item: number for number, item in enumerate(items)}
        yield
        if any(config.pluginmanager.has_plugin(name) for name in _SHUFFLING):
            items.sort(key=lambda item: order.get(item, len(order)))

    def conftests(self, config: pytest.Config) -> list[str]:
        """Return the conftest.py files that were imported, and those that the commit lacks."""
        files = (getattr(plugin, "__file__", None) for plugin in config.pluginmanager.get_plugins())
        imported = [self._project.file(file) for file in files if file and Path(file).name == "conftest.py"]
        return [*imported, *self._project.absent_conftests()]

    def _unreadable(self, error: BaseException, cell: str, text: str = "") -> None:
        path = getattr(error, "path", None)
        if type(error).__name__ == "ConftestImportFailure" and path is not None:
            cell = self._project.file(path)
        if cell:
            self._emit("uncollectable", cell=cell, failure=failure_of(_cause(error), text or str(error)))


def _set(config: pytest.Config, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)


def accept_harmless(parser: pytest.Parser, loaded: Callable[[str], bool]) -> None:
    """Accept options of missing plugins if they do not affect verdicts."""
    group = parser.getgroup("bisect-run", "accepted and ignored")
    for module, options in _HARMLESS.items():
        if loaded(module) or _will_be_loaded(module):
            continue
        for names in options:
            keywords = {"action": "store_true"} if names[0] in _FLAGS else {"nargs": "?", "action": "append"}
            # pytest keeps one-letter options for itself, but its own parser takes any.
            group._addoption(*names, dest=f"bisect_run_{names[-1].strip('-')}", **keywords)  # noqa: SLF001


def _will_be_loaded(module: str) -> bool:
    """Whether pytest will load a plugin, by entry point or by an environment variable."""
    named = module in os.environ.get("PYTEST_PLUGINS", "")
    return named or (find_spec(module) is not None and not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"))


def failure_of(error: BaseException | None, text: str) -> dict[str, Any]:
    """Return the record of an exception, with only the project's frames."""
    if error is None:
        lines = text.strip().splitlines()
        return {"exception": "", "message": lines[-1] if lines else "", "frames": [], "text": text[-100_000:]}
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    frames = [
        [frame.filename, frame.lineno or 0, frame.name]
        for frame in traceback.extract_tb(error.__traceback__)
        if not _MACHINERY.intersection(Path(frame.filename).parts)
        and not frame.filename.startswith("<frozen")
    ]
    return {
        "exception": name,
        "message": str(error)[:10_000],
        "frames": frames[-100:],
        "text": text[-100_000:],
    }


def _cause(error: BaseException) -> BaseException:
    """Return the exception in the file itself, which pytest wraps in its own."""
    inner = getattr(error, "cause", None) or error.__cause__
    excinfo = getattr(error, "excinfo", None)
    if inner is None and isinstance(excinfo, tuple):
        inner = excinfo[1]
    if type(error).__name__ in ("CollectError", "ConftestImportFailure") and isinstance(inner, BaseException):
        return inner
    return error
