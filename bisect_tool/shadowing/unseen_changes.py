"""Decide whether a check may have missed a commit's changes because the user's checkout shadows them.

A check that imports its modules from the user's checkout gives the same result at every commit, unless other
files that it reads differ, usually its tests. So if a culprit changes only such modules, the check did see
the change; if it changes other files as well, it is unknown which change the check saw.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TEST = re.compile(
    r"(^|/)(tests?|testing|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|\.(test|spec)\."
)
_DOCUMENTATION = re.compile(r"^docs?/|\.(md|rst)$")


def may_be_unseen(changed: Iterable[str], folders: Sequence[str], words: Iterable[str]) -> bool:
    """Whether a check may have missed a part of a commit's changes.

    Args:
        changed: The paths that the commit changes.
        folders: The folders whose modules are imported from the checkout.
        words: The arguments of the check; a file that is one of them is read from the commit.
    """
    named = {word.partition("::")[0].removeprefix("./") for word in words}
    read = (path for path in changed if not _DOCUMENTATION.search(path))
    return any(path in named or not any(_is_hidden(path, folder) for folder in folders) for path in read)


def _is_hidden(path: str, folder: str) -> bool:
    """Whether a file is a module in this folder; at the top of the tree, only Python files are modules."""
    if _TEST.search(path):
        return False
    return path.endswith(".py") if folder == "." else path.startswith(f"{folder}/")
