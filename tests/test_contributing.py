"""CONTRIBUTING.md names files, folders and functions that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bisect_tool"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LAYOUT, RECIPES = (
    TEXT.partition(f"## {heading}")[2].partition("\n## ")[0] for heading in ("Layout", "How to")
)
SPANS = set(re.findall(r"`([^`]+)`", RECIPES))
PATHS = {span for span in SPANS if "/" in span or span.endswith((".py", ".toml"))}
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


def test_the_layout_has_every_folder_and_module_of_the_package():
    folders = {f"{file.parent.name}/" for file in PACKAGE.glob("*/__init__.py")}
    modules = {file.name for file in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert (folders | modules) - {word.rstrip(",") for word in LAYOUT.split()} == set()
