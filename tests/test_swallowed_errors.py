"""No error is swallowed silently: it is raised, passed on, logged, or a comment says why not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bisect_tool"
_TO_LINTERS = r"noqa: [A-Z0-9, ]+|type: ignore\S*|\W"
PURE = ("evidence", "nightly_rules", "planner", "search")
BROAD = {
    "BaseException",
    "BisectError",
    "BuildFailed",
    "EnvironmentFailed",
    "Error",
    "Exception",
    "NVMLError",
    "OSError",
    "StoreDamaged",
    "UsageError",
}
"""Broad errors. ProcessLookupError is specific, and git logs its own failures."""


def swallowed(source):
    """The lines at which a broad error is swallowed."""
    if "except" not in source and "suppress(" not in source:
        return
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            about = lines[node.lineno - 1 : node.body[-1].end_lineno]
            swallows = is_broad(node.type) and not is_handled(node)
        elif isinstance(node, ast.With):
            about = lines[max(node.lineno - 2, 0) : node.body[0].lineno - 1]
            swallows = any(is_suppressed(item.context_expr) for item in node.items)
        else:
            continue
        if swallows and not any(map(is_commented, about)):
            yield node.lineno


def is_suppressed(call):
    named = isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "suppress"
    return named and any(map(is_broad, call.args))


def is_broad(type_):
    return type_ is None or any(
        getattr(node, "id", getattr(node, "attr", "")) in BROAD for node in ast.walk(type_)
    )


def is_handled(handler):
    """Whether a handler raises, logs, or passes the error on."""
    names = {handler.name, "_log"} - {None}
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Name) and node.id in names) for node in nodes
    )


def is_commented(line):
    """Whether there is a comment for people, not only for a linter."""
    return bool(re.sub(_TO_LINTERS, "", line.partition("#")[2]))


def test_no_error_is_swallowed_silently():
    files = {file: list(swallowed(file.read_text(encoding="utf-8"))) for file in PACKAGE.rglob("*.py")}
    assert {str(file.relative_to(PACKAGE)): lines for file, lines in files.items() if lines} == {}


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except OSError:\n    pass", True),
        ("except (ValueError, sqlite3.Error):\n    value = None", True),
        ("except:\n    pass", True),
        ("except Exception:  # noqa: BLE001\n    pass", True),
        ("except Exception as error:\n    pass", True),
        ("except ProcessLookupError:\n    pass", False),
        ("except OSError:  # it is gone\n    pass", False),
        ("except Exception:  # noqa: BLE001 - a foreign one\n    pass", False),
        ("except OSError:\n    _log.warning('gone')", False),
        ("except OSError as error:\n    notify(error)", False),
        ("except OSError:\n    if full:\n        raise", False),
    ],
)
def test_swallowed_errors(handler, found):
    assert bool(list(swallowed(f"try:\n    work()\n{handler}\n"))) == found


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("with suppress(OSError):\n    work()  # hard\n", True),
        ("with contextlib.suppress(KeyError, OSError), open(path):\n    work()\n", True),
        ("with suppress(KeyError):\n    work()\n", False),
        ("with suppress(OSError):  # it is gone\n    work()\n", False),
        ("# It may be gone.\nwith suppress(OSError):\n    work()\n", False),
    ],
)
def test_suppressed_errors(block, found):
    assert bool(list(swallowed(block))) == found


@pytest.mark.parametrize("folder", PURE)
def test_pure_folders_do_not_log(folder):
    for file in (PACKAGE / folder).rglob("*.py"):
        modules = [
            name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        ]
        assert {"logging", "bisect_tool.diagnostics"}.isdisjoint(modules), file
