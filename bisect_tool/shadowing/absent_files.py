"""Find files that a command names by relative paths, and that only the user's checkout has, not trials."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from bisect_tool.shadowing.shadows import Shadow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from bisect_tool.shadowing.command_words import Command

_NAME = re.compile(r"[\w@+.-]*[./][\w@+./-]+")
_RELATIVE_PATH = r"(?<![\w./$~-])(?:\./)?{}(?![\w-])"
_ENTERS = re.compile(r"-C|--directory|--test-dir|--build|--prefix|cd|pushd")
"""What makes a program work in the folder that the next word names."""
_NAMES_SHOWN = 3


def find_absent_files(
    command: Command, checkout: Path, tracked: Callable[[Sequence[str]], Collection[str]]
) -> Shadow | None:
    """Return the files that a command names but no trial has, and the command with their absolute paths.

    Args:
        command: The resolved command.
        checkout: The top folder of the user's checkout.
        tracked: Returns those of the given paths that the commits have.
    """
    existing = [path for path in dict.fromkeys(_named(command)) if _has_path(checkout, path)]
    entered = [path for path in _entered(command) if path not in existing and (checkout / path).is_dir()]
    known = tracked([*existing, *entered]) if existing or entered else ()
    missing = [path for path in (*existing, *entered) if path not in known]
    if not missing:
        return None
    names = ", ".join(missing[:_NAMES_SHOWN]) + (
        f" and {len(missing) - _NAMES_SHOWN} more" if missing[_NAMES_SHOWN:] else ""
    )
    found = (
        f"the check uses files that only your checkout has: {names}; "
        "trials do not have them, unless the check creates them"
    )
    files = [path for path in missing if path not in entered]  # a build is that of the checkout's sources
    with_full_paths = tuple(_with_full_paths(word, files, checkout) for word in command.argv)
    return Shadow(found, with_full_paths if with_full_paths != command.argv else ())


def _named(command: Command) -> Iterator[str]:
    """Relative paths that a command, its shell programs and its scripts name."""
    texts = (*command.argv, *(script.text for script in command.scripts))
    for name in (*(part for text in texts for part in _NAME.findall(text)), *command.words):
        path = name.partition("::")[0].removeprefix("./").rstrip("/.")
        if path and not path.startswith(("/", "-", "..")) and "//" not in path:
            yield path


def _entered(command: Command) -> Iterator[str]:
    """Folders without a dot or slash in their name that programs of a command work in, such as `build`."""
    words = [part for word in command.words for part in (word.split("=", 1) if word[:1] == "-" else (word,))]
    for option, folder in pairwise(words):
        if _ENTERS.fullmatch(option) and re.fullmatch(r"\w[\w-]*", folder):
            yield folder


def _has_path(checkout: Path, path: str) -> bool:
    """Whether the checkout has the path; a word without a dot or slash is probably not a path."""
    if not re.search(r"[./]", path) or path.partition("/")[0] == ".git":
        return False
    try:
        return (checkout / path).exists()
    except OSError:  # the word is too long for a file name
        return False


def _with_full_paths(word: str, paths: Sequence[str], checkout: Path) -> str:
    for path in paths:
        full = str(checkout / path).replace("\\", r"\\")
        word = re.sub(_RELATIVE_PATH.format(re.escape(path)), full, word)
    return word
