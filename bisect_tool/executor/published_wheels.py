"""Find the published wheel that each commit's build uses: a download is cheaper than a compilation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.build import lineage
from bisect_tool.wheels.client import Client
from bisect_tool.wheels.lineage import nearest
from bisect_tool.wheels.tags import supported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.git import Range, Repository
    from bisect_tool.scenario import Profile
    from bisect_tool.wheels.index import Wheel


def published(
    repository: Repository, span: Range, profile: Profile | None, names: Mapping[str, str]
) -> dict[str, Wheel]:
    """Return the wheel that each commit and good end uses; commits that are compiled are not in the result.

    Args:
        repository: The repository of the range.
        span: The range.
        profile: What commits are built with.
        names: The fingerprint of each commit's environment.

    Raises:
        EnvironmentFailed: the wheel server cannot be reached.
    """
    settings = profile.build.commit_wheels if profile else None
    if profile is None or settings is None:
        return {}
    shas = (*span.goods, *(commit.sha for commit in span.commits))
    variant, tags = settings.variants[0], supported(profile.build.python)
    with Client(settings) as client:
        wheels = client.find_all(shas, variant, tags)
        for sha in span.goods:
            known = None if sha in wheels else lineage(repository, sha, profile.build)
            if known is not None:
                wheel = client.find_first(known.shas[1:], variant, tags)
                wheels |= {sha: wheel} if wheel else {}
    parents = ((commit.sha, commit.parents[0] if commit.parents else None) for commit in span.commits)
    return nearest(parents, names, wheels)
