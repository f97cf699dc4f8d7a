"""The archive of modules in a script has everything that the fixtures of a suite import."""

import ast
import base64
import io
import tarfile
from pathlib import Path

from bisect_tool.reproduction_script.bundle import modules

ROOT = Path(__file__).parents[2]


def imported(path):
    """The modules of the package that a file imports, when it is loaded or in its functions, as paths."""
    for node in at_runtime(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bisect_tool"):
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                folder = name.replace(".", "/")
                yield from (
                    each for each in (f"{folder}.py", f"{folder}/__init__.py") if (ROOT / each).exists()
                )


def at_runtime(node):
    """The nodes below, without what only type checkers read."""
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from at_runtime(child)


def loaded(path):
    """The files that are loaded with a file: those that it imports, and so on."""
    found, left = set(), [path]
    while left:
        found.add(file := left.pop())
        left += set(imported(file)) - found
    return found


def test_the_archive_has_the_modules_that_the_fixtures_load():
    with tarfile.open(fileobj=io.BytesIO(base64.decodebytes(modules().encode()))) as archive:
        packed = {member.name for member in archive}
    needed = loaded("bisect_tool/pytest_plugin/fixtures.py")
    assert {"bisect_tool/sanitise.py", "bisect_tool/pytest_plugin/server_group.py"} <= needed
    assert needed - packed == set()
