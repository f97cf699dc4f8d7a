"""Render warnings about a command check: variables that were withheld, and paths that bypass the worktree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bisect_tool.format import listing
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.json_document.check_warnings import ShadowReport
    from bisect_tool.json_document.document import Document


_LINE_LIMIT = 20_000
_NAMES = 8
_LANGUAGES = {"": "sh", ".sh": "sh", ".bash": "bash", ".py": "python"}


def render_withheld(names: Sequence[str]) -> RenderableType | None:
    """Render the names of withheld variables, and how to pass them."""
    if not names:
        return None
    listed = listing(names, _NAMES)
    line = f"Not passed to the check because they look like secrets: {listed}. Pass one with --pass-env NAME."
    return Text(clean_line(line), "dim")


def render_shadows(document: Document) -> RenderableType | None:
    """Render what may shadow the commits' code, each with a command line that avoids it."""
    if not document.shadows:
        return None
    title = Text(shadow_title(document), "bold yellow")
    return Group(title, *(line for each in document.shadows for line in _lines(each)))


def shadow_title(document: Document) -> str:
    """Return what a shadowed check means for the result."""
    if any(cell.culprit for cell in document.cells.values()):
        return "The check may not test what the commits change, so the culprit may be wrong"
    return "Every commit gave the same result, so the check may not test what the commits change"


@dataclass(frozen=True)
class CheckText:
    """A script of the check for an issue body, without its folder.

    `text` is empty if it is too long.
    """

    name: str
    language: str
    text: str
    sha256: str


def check_texts(document: Document) -> tuple[CheckText, ...]:
    """Return the check's scripts that are not in the repository, without binary programs."""
    files = document.check.files if document.check else ()
    named = ((Path(file.path), file) for file in files)
    return tuple(
        CheckText(path.name, _LANGUAGES.get(path.suffix, "text"), file.text, file.sha256)
        for path, file in named
        if file.text or path.suffix
    )


def _lines(shadow: ShadowReport) -> Iterator[RenderableType]:
    yield Padding(Text(clean_line(shadow.found)), (0, 0, 0, 2))
    if shadow.rerun:
        line = Text(no_wrap=True, overflow="ignore")  # to be copied: padding must not cut it off
        yield line.append("  Try: ", "bold").append(clean_line(shadow.rerun, _LINE_LIMIT))
