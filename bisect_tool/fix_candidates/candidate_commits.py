"""Turn the options of `fixes` into fix candidates, and apply them to the failing commit as commits."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.fix_candidates.later_changes import merge_commit_of, touched
from bisect_tool.git import Range
from bisect_tool.git.apply_edits import Edit, EditKind, apply_edits
from bisect_tool.mode import Candidate, FixCommit, Fixes
from bisect_tool.options.rerun import rerun
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bisect_tool.git import Commit, Repository
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.options.run_options import FixesOptions
    from bisect_tool.request import Request

_PULL_REQUEST = re.compile(r"#[0-9]{1,9}|[0-9]{1,6}")
_MOST = 16
_SUPPOSED = 8
"""Limit of the default candidates: the culprit, the merge that brought it, and later changes."""
_LARGEST = 8 * 2**20
_SHORT = 9


def parse(options: FixesOptions, repository: Repository, bad: str) -> tuple[Candidate, ...]:
    """Resolve options into candidates, in the order of application: reverts (newest first), patches, picks.

    Raises:
        UsageError: there is no such commit, pull request or file, or there are too many candidates.
    """
    reverted = tuple(_reverted(word, repository, bad) for word in options.revert)
    picked = dict.fromkeys(repository.resolve(word) for word in options.pick)
    patches = dict.fromkeys(Path(word) for word in options.apply)
    found = (
        *reverts(reverted, repository, bad),
        *(_patch(path) for path in patches),
        *(_pick(sha, repository) for sha in picked),
    )
    if len(found) > _MOST:
        raise UsageError(f"{len(found)} candidates are too many", f"Use at most {_MOST}.")
    return found


def defaults(culprits: Iterable[str], repository: Repository, bad: str) -> tuple[Candidate, ...]:
    """Revert the culprits, the merges that brought them, and later changes to the same functions."""
    shas: dict[str, None] = dict.fromkeys(culprits)
    for culprit in tuple(shas):
        if culprit == bad:
            continue
        span = repository.range((culprit,), bad)
        merge = merge_commit_of(span, culprit)
        shas |= dict.fromkeys((*((merge,) if merge else ()), *touched(repository, span, culprit)))
    return reverts(list(shas)[:_SUPPOSED], repository, bad)


def reverts(shas: Iterable[str], repository: Repository, bad: str) -> tuple[Candidate, ...]:
    """A revert of each of these commits, the newest first."""
    return tuple(_revert(sha, repository) for sha in _newest_first(set(shas), repository, bad))


def resolve_request(resolved: Resolved, options: FixesOptions, candidates: Sequence[Candidate]) -> Resolved:
    """Add the candidates to a request, each applied to the failing commit as a commit of its own.

    Raises:
        UsageError: a patch does not apply, or a commit or pull request to verify does not exist.
    """
    repository = resolved.repository
    revisions = tuple(dict.fromkeys(_verified(word, repository) for word in options.verify))
    mode = Fixes(candidates=tuple(candidates), verify=revisions, runs=options.runs)
    request = build_singles(resolved.request.model_copy(update={"mode": mode}), repository)
    for candidate, made in zip(candidates, _fixes(request).fix_commits, strict=True):
        if candidate.kind == "apply" and not made.sha and not made.conflicts:
            raise UsageError(
                f"{candidate.name} does not apply at {request.bad[:12]}: {made.why}",
                "Recreate it against this commit with git diff or git format-patch.",
            )
    request = request.model_copy(update={"rerun": rerun(options, request)})
    return replace(resolved, request=request, range=span(request, repository))


def build_singles(request: Request, repository: Repository) -> Request:
    """Apply every candidate alone to the failing commit; returns the request with these commits."""
    for number in range(len(_fixes(request).candidates)):
        request = build_combination(request, repository, {number})
    return request


def build_combination(request: Request, repository: Repository, parts: Iterable[int]) -> Request:
    """Apply these candidates together to the failing commit; returns the request with that commit."""
    fixes = _fixes(request)
    numbers = tuple(sorted(parts))
    chosen = [fixes.candidates[number] for number in numbers]
    title = " and ".join(candidate.title for candidate in chosen)
    made = apply_edits(repository, request.bad, [_edit(candidate) for candidate in chosen], title)
    added = FixCommit(parts=numbers, sha=made.sha, conflicts=made.conflicts, why=made.why)
    return request.model_copy(
        update={"mode": fixes.model_copy(update={"fix_commits": (*fixes.fix_commits, added)})}
    )


def span(request: Request, repository: Repository) -> Range:
    """The commits that `fixes` runs, as a range; commits missing from a deleted cache are made again."""
    fixes = _fixes(request)
    for made in fixes.fix_commits:
        if made.sha and not repository.git.succeeds("cat-file", "-e", made.sha):
            build_combination(request, repository, made.parts)
    grafted = (made.sha for made in fixes.fix_commits if made.sha)
    shas = dict.fromkeys((request.bad, *grafted, *fixes.verify))
    return Range((), request.bad, tuple(repository.commit(sha) for sha in shas))


def _fixes(request: Request) -> Fixes:
    assert isinstance(request.mode, Fixes)
    return request.mode


def _edit(candidate: Candidate) -> Edit:
    return Edit(EditKind(candidate.kind), candidate.commit, base64.b64decode(candidate.patch))


def _verified(word: str, repository: Repository) -> str:
    if not _PULL_REQUEST.fullmatch(word):
        return repository.resolve(word)
    number = int(word.removeprefix("#"))
    commit = repository.by_pull_request(number, repository.main_head())
    if commit is None:
        raise UsageError(
            f"no commit on the main branch of {repository.spec} has a subject that ends with (#{number})",
            "Use the commit id, or fetch if the pull request was merged.",
        )
    return commit.sha


def _reverted(word: str, repository: Repository, bad: str) -> str:
    if _PULL_REQUEST.fullmatch(word):
        number = int(word.removeprefix("#"))
        commit = repository.by_pull_request(number, bad)
        if commit is None:
            raise UsageError(
                f"no commit on the mainline of {bad[:12]} has a subject that ends with (#{number})",
                "Use the commit id, or check that the pull request was merged before this commit.",
            )
        return commit.sha
    sha = repository.resolve(word)
    if not repository.git.succeeds("merge-base", "--is-ancestor", sha, bad):
        raise UsageError(
            f"{clean_line(word)} is not in the history of {bad[:12]}, so there is nothing to revert",
            "To add a commit, use --pick; to run one unchanged, use --verify.",
        )
    return sha


def _newest_first(shas: Iterable[str], repository: Repository, bad: str) -> list[str]:
    """Descendants before ancestors, so that each revert applies to the text that its commit left."""
    above = {sha: int(repository.git.text("rev-list", "--count", f"{sha}..{bad}")) for sha in shas}
    return sorted(above, key=lambda sha: (above[sha], sha))


def _revert(sha: str, repository: Repository) -> Candidate:
    commit = repository.commit(sha)
    return Candidate(
        kind="revert", name=_name("revert", commit), title=f'Revert "{commit.subject}"', commit=sha
    )


def _pick(sha: str, repository: Repository) -> Candidate:
    commit = repository.commit(sha)
    return Candidate(kind="pick", name=_name("pick", commit), title=commit.subject, commit=sha)


def _name(kind: str, commit: Commit) -> str:
    """`revert 8f8b41594 (#118)`: by its commit and its pull request, whichever of them was typed."""
    name = f"{kind} {commit.sha[:_SHORT]}"
    return name if commit.pr is None else f"{name} (#{commit.pr})"


def _patch(path: Path) -> Candidate:
    name = clean_line(path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the patch {clean_line(str(path))} cannot be read: {error.strerror}", "Use the path of a file."
        ) from None
    if not content.strip() or len(content) > _LARGEST:
        what = "is empty" if not content.strip() else f"is larger than {_LARGEST // 2**20} MiB"
        raise UsageError(f"the patch {clean_line(str(path))} {what}", "Use the output of git diff.")
    encoded = base64.b64encode(content).decode()
    return Candidate(
        kind="apply",
        name=f"apply {name}",
        title=f"Apply {name}",
        path=clean_line(str(path.resolve())),
        patch=encoded,
    )
