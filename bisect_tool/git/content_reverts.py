"""Find commits that restore the content a file had before an earlier commit (reverts without a message)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.git.range import Range
    from bisect_tool.git.repository import Replacement, Repository

_LONGEST = 2_000
"""Longer ranges are not read: reading their trees takes longer than the trials it saves."""


def restored(repository: Repository, span: Range) -> Mapping[str, str]:
    """Map the commits of a range that restore contents to the commits that they revert.

    Messages are not read. Merges are left out, unless the range follows first parents.

    Raises:
        EnvironmentFailed: git failed.
    """
    if len(span.commits) > _LONGEST:
        return {}
    single = [each.sha for each in span.commits if span.first_parent or len(each.parents) < 2]
    replaced = repository.replaced_by(single)
    return dict(_restored((sha, replaced[sha]) for sha in single))


def _restored(commits: Iterable[tuple[str, Sequence[Replacement]]]) -> Iterator[tuple[str, str]]:
    took: dict[tuple[str, str], str] = {}
    for sha, replacements in commits:
        now = [(each.path, each.after) for each in replacements]
        taken_by = Counter(took[each] for each in now if each in took)
        if taken_by:
            yield sha, taken_by.most_common(1)[0][0]
        took.update(((each.path, each.before), sha) for each in replacements)
