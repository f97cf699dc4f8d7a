"""Decide whether a check may have missed a commit's changes because the commits are hidden from it.

A check that imports its modules from the user's checkout answers alike at every commit, unless something else
that it reads differs: mostly its tests. So a commit that changes nothing but such modules was seen, whatever
seems to hide it, and of any other it is not known which of its changes was.
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


def may_be_unseen(changed: Iterable[str], hides: Sequence[str], words: Iterable[str]) -> bool:
    """Whether a commit with these changed paths may not be what changed the answer of a check.

    Args:
        changed: The paths that the commit changes.
        hides: The folders whose modules come from the checkout.
        words: The words of the check: a file that is one of them is read from the commit.
    """
    named = {word.partition("::")[0].removeprefix("./") for word in words}
    read = (path for path in changed if not _DOCUMENTATION.search(path))
    return any(path in named or not any(_is_hidden(path, folder) for folder in hides) for path in read)


def _is_hidden(path: str, folder: str) -> bool:
    """Whether a file is a module in this folder; the top of the tree has more than modules."""
    if _TEST.search(path):
        return False
    return path.endswith(".py") if folder == "." else path.startswith(f"{folder}/")
