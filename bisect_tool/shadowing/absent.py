"""Find files that a command names by relative paths and that only the checkout has: trials lack them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.shadowing.shadows import Shadow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from bisect_tool.shadowing.command_words import Command

_NAME = re.compile(r"[\w@+.-]*[./][\w@+./-]+")
_BESIDE = r"(?<![\w./$~-])(?:\./)?{}(?![\w-])"
_MOST = 3


def absent(
    command: Command, checkout: Path, tracked: Callable[[Sequence[str]], Collection[str]]
) -> Shadow | None:
    """Return what a command names and no trial has, with the command that names it by its full path.

    Args:
        command: As it was resolved.
        checkout: The top folder of the user's checkout.
        tracked: Which of some paths the commits have.
    """
    there = [path for path in dict.fromkeys(_named(command)) if _lies_in(checkout, path)]
    known = tracked(there) if there else ()
    missing = [path for path in there if path not in known]
    if not missing:
        return None
    names = ", ".join(missing[:_MOST]) + (f" and {len(missing) - _MOST} more" if missing[_MOST:] else "")
    found = (
        f"the check names {names}, which only your checkout has: a trial does not, unless the check makes it"
    )
    own = tuple(_full(word, missing, checkout) for word in command.argv)
    return Shadow(found, own if own != command.argv else ())


def _named(command: Command) -> Iterator[str]:
    """Relative paths that a command, its shell programs and its scripts name, from the top."""
    texts = (*command.argv, *(script.text for script in command.scripts))
    for name in (*(part for text in texts for part in _NAME.findall(text)), *command.words):
        path = name.partition("::")[0].removeprefix("./").rstrip("/.")
        if path and not path.startswith(("/", "-", "..")) and "//" not in path:
            yield path


def _lies_in(checkout: Path, path: str) -> bool:
    """Whether the checkout has it; a word without a dot or slash is as likely no path at all."""
    if not re.search(r"[./]", path) or path.partition("/")[0] == ".git":
        return False
    try:
        return (checkout / path).exists()
    except OSError:  # a word that is too long for a name
        return False


def _full(word: str, paths: Sequence[str], checkout: Path) -> str:
    for path in paths:
        full = str(checkout / path).replace("\\", r"\\")
        word = re.sub(_BESIDE.format(re.escape(path)), full, word)
    return word
