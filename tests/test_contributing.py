"""CONTRIBUTING.md names files, folders and functions that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bisect_tool"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LAYOUT, RECIPES = (
    TEXT.partition(f"## {heading}")[2].partition("\n## ")[0] for heading in ("Layout", "How to")
)
SPANS = set(re.findall(r"`([^`]+)`", RECIPES))
PATHS = {span for span in SPANS if "/" in span or span.endswith((".py", ".toml", ".md"))}
OF_FILES = [
    (name, file)
    for names, file in [
        *re.findall(r"((?:`[^`]+`(?:,| and) )*`[^`]+`) (?:of|in) `([^`]+\.\w+)`", " ".join(RECIPES.split())),
        *((names, file) for file, names in re.findall(r"`([^`]+\.\w+)`\s\(((?:[^()]|\(\))*)\)", RECIPES)),
    ]
    if not re.search(r"[<*]", file) and " in `" not in names and " of `" not in names
    for name in re.findall(r"`([^`]+)`", names)
    if re.fullmatch(r"[\w.]+(?:\(\))?", name) and not name.endswith((".py", ".toml"))
]
"""Each name with the file that the text names with it: ``A`, `B` of `file``, or ``file` (`A`)`."""
NAMES = {span for span in SPANS - PATHS if re.fullmatch(r"[\w.]*[A-Z_][\w.]*(?:\(\))?|\w+\(\)", span)}


def files():
    """All files that a path can mean, one a line."""
    folders = ("bisect_tool", "tests", "docs", "scenarios", "benchmarks", "ci")
    inside = [file for folder in folders for file in (ROOT / folder).rglob("*.*")]
    return "\n".join(file.relative_to(ROOT).as_posix() for file in (*inside, *ROOT.glob("*.*")))


def is_there(path, listing):
    """Whether a path is that of a file or folder; `<name>` and `*` stand for any name."""
    pattern = re.sub(r"<\w+>|\\\*", r"[^/\n]+", re.escape(path.rstrip("/")))
    return re.search(rf"(?:^|/){pattern}(?:/|$)", listing, re.MULTILINE) is not None


def test_paths_exist():
    listing = files()
    assert {"evidence/patterns.toml", "options/*_options.py", "render/<format>.py", "triage/"} <= PATHS
    assert [path for path in sorted(PATHS) if not is_there(path, listing)] == []
    assert not is_there("render/patterns.toml", listing)


def test_names_are_in_the_code():
    sources = {*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")} - {Path(__file__)}
    words = {word for file in sources for word in re.findall(r"\w+", file.read_text(encoding="utf-8"))}
    assert {"plan()", "INFRASTRUCTURE_RETRIES", "Guardian._clean_up", "Leftovers"} <= NAMES
    assert [name for name in sorted(NAMES) if not words.issuperset(re.findall(r"\w+", name))] == []


def test_names_are_in_the_files_that_are_named_with_them():
    assert {("Goal", "planner/types.py"), ("_Rules", "options/validate_executor.py")} <= {*OF_FILES}
    for name, path in OF_FILES:
        (text,) = (
            file.read_text(encoding="utf-8") for file in (PACKAGE / path, ROOT / path) if file.exists()
        )
        missing = [word for word in re.findall(r"\w+", name) if not re.search(rf"\b{word}\b", text)]
        assert missing == [], f"{path} lacks {name}"


def test_layout_has_every_folder_and_module_of_the_package():
    folders = {f"{file.parent.name}/" for file in PACKAGE.glob("*/__init__.py")}
    modules = {file.name for file in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert (folders | modules) - {word.rstrip(",") for word in LAYOUT.split()} == set()


def test_imports_point_downwards_in_the_layout():
    packages = re.findall(r"^      (\w+)/", LAYOUT.partition("    scenarios/")[0], re.MULTILINE)
    assert {each.parent.name for each in PACKAGE.glob("*/__init__.py")} == {*packages}
    upwards = {
        (package, imported)
        for row, package in enumerate(packages)
        for file in (PACKAGE / package).rglob("*.py")
        for imported in imported_packages(ast.parse(file.read_text(encoding="utf-8")))
        if imported in packages[:row]
    }
    assert upwards == set()


def imported_packages(node):
    """The packages of ours that code imports at run time, not only for its types."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bisect_tool."):
        yield node.module.split(".")[1]
    for child in ast.iter_child_nodes(node):
        yield from imported_packages(child)
