"""Prior weight of each commit: from its files, its subject and the files in the failure's traceback.

A commit's weight is the product of the factors in `prior_weights.toml`, one for each trait it has. Most were
learnt from commits that were reverted later (`benchmarks/train_prior.py`); docs/reference/priors.md says how.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bisect_tool.search.file_kind import RUNTIME_KINDS, FileKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

LEARNT = ("one_file", "plug_in", "other_hardware", "native_or_build", "performance", "fix_or_chore")
"""The traits with learnt factors; the other factors in `prior_weights.toml` were set by hand."""

LEAST, MOST = 0.02, 20.0
"""Bounds of a weight, so that no commit is ruled out or certain before any run."""

_SAME_CULPRIT = 0.5
"""The prior probability that a cell has the culprit of another cell that turned red in the same range."""

_PHRASES = {
    "one_file": "one source file",
    "plug_in": "model or parser files only",
    "other_hardware": "files of other accelerators only",
    "native_or_build": "native or build files only",
    "performance": "performance change",
    "fix_or_chore": "fix or chore",
    "docs": "docs only",
    "tooling": "examples or tools, no source",
    "tests": "tests, no source",
    "ci": "CI, no source",
    "merge": "merge",
    "empty": "changes no file",
}
_IDLE = {FileKind.TESTS: "tests", FileKind.TOOLING: "tooling", FileKind.CI: "ci", FileKind.DOCS: "docs"}
"""The traits of commits without source files; of several kinds, the first applies."""
_PLUG_IN = re.compile(r"(?:^|/)(?:models|plugins|(?:\w+_)?parsers?|reasoning)/", re.IGNORECASE)
_OTHER_HARDWARE = re.compile(
    r"(?<![a-z])(?:rocm|hip|amd|aiter|xpu|ipex|tpu|pallas|hpu|gaudi|neuron|openvino)(?![a-z])",
    re.IGNORECASE,
)
_PERFORMANCE = re.compile(
    r"\bperf|optimi[sz]|speed|faster|\bfus(?:e|ion)|cache\b|latency|throughput|overhead",
    re.IGNORECASE,
)
_FIX_OR_CHORE = re.compile(
    r"\b(?:bug ?fix\w*|fix\w*|bug|typos?)\b|\[(?:misc|chore|minor|nit|easy|ez)\b",
    re.IGNORECASE,
)
_LAYOUT = re.compile(r"^(?:src|python|lib)/")
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Change:
    """Metadata of a commit.

    Attributes:
        sha: The full object name.
        subject: The first line of its message; untrusted text.
        files: The paths it changes, relative to the repository.
        parents: The number of its parents.
    """

    sha: str
    subject: str
    files: tuple[str, ...]
    parents: int = 1


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How suspicious a commit is, before any run.

    Attributes:
        sha: The full object name.
        weight: Relative prior probability that it is the culprit; above 0, 1 on average.
        reasons: Reasons for or against it, the strongest first. They may contain file names: sanitise them
            before showing them.
    """

    sha: str
    weight: float
    reasons: tuple[str, ...]


def weights(
    changes: Sequence[Change],
    paths: Sequence[str] = (),
    frames: Sequence[str] = (),
    *,
    factors: Mapping[str, float] | None = None,
) -> tuple[Suspicion, ...]:
    """The prior weight of each of `changes`, in their order.

    Args:
        changes: The candidates.
        paths: Files and folders that the tests depend on, relative to the repository.
        frames: The files in the failure's traceback, as it names them: relative, or absolute anywhere.
        factors: Factors to use instead of the bundled ones, by trait.
    """
    factor_of = factors or default_factors()
    inside = tuple(f"{path.strip('/')}/" for path in paths if path.strip("/"))
    ends = frozenset(end for frame in frames for end in _ends(frame))
    judged = [_judge(change, inside, ends, factor_of) for change in changes]
    shares = _bounded([weight for weight, _ in judged])
    return tuple(
        Suspicion(change.sha, share, reasons)
        for change, share, (_, reasons) in zip(changes, shares, judged, strict=True)
    )


def with_culprits(alone: Mapping[str, float], culprits: Collection[str]) -> dict[str, float]:
    """Return the weights for a cell if others turned red in the same range because of these `culprits`.

    Half of the prior is on those. Culprits that are not candidates are ignored.
    """
    among = [sha for sha in culprits if sha in alone]
    share = sum(alone.values()) * _SAME_CULPRIT / (1 - _SAME_CULPRIT)
    return {sha: weight + (share / len(among) if sha in among else 0.0) for sha, weight in alone.items()}


def traits(change: Change, named: Collection[str] = ()) -> tuple[str, ...]:
    """The traits of a commit that have a factor; files that are `named` count as source."""
    if not change.files:
        return ("merge",) if change.parents > 1 else ("empty",)
    kinds = {path: FileKind.SOURCE if path in named else kind_of(path) for path in change.files}
    running = [path for path, kind in kinds.items() if kind in RUNTIME_KINDS]
    if not running:
        return (next(trait for kind, trait in _IDLE.items() if kind in kinds.values()),)
    shape = _shape(running, {kinds[path] for path in running})
    about = {"performance": _PERFORMANCE, "fix_or_chore": _FIX_OR_CHORE}
    return (*shape, *(trait for trait, words in about.items() if words.search(change.subject)))


def _shape(running: Sequence[str], kinds: Collection[FileKind]) -> tuple[str, ...]:
    """The trait of the files that run: the first that holds for all of them."""
    if all(_OTHER_HARDWARE.search(path) for path in running):
        return ("other_hardware",)
    if all(_PLUG_IN.search(path) for path in running):
        return ("plug_in",)
    if FileKind.SOURCE not in kinds:
        return ("native_or_build",)
    return ("one_file",) if len(running) == 1 else ()


def _judge(
    change: Change, inside: tuple[str, ...], ends: frozenset[str], factors: Mapping[str, float]
) -> tuple[float, tuple[str, ...]]:
    """The weight before scaling, and its reasons."""
    in_frames = (
        [path for path in change.files if path in ends or _LAYOUT.sub("", path) in ends] if ends else []
    )
    in_paths = [path for path in change.files if f"{path}/".startswith(inside)] if inside else []
    found = traits(change, {*in_frames, *in_paths})
    reasons = [_PHRASES[trait] for trait in found]
    weight = 1.0
    for trait in found:
        weight *= factors[trait]
    # The two are not independent, so only the stronger counts.
    if in_frames:
        weight *= factors["frames"]
        reasons.insert(0, f"touches {_some(in_frames)} in the traceback")
    elif in_paths:
        weight *= factors["paths"]
        reasons.insert(0, f"touches {_some(in_paths)} in the scenario's paths")
    return weight, tuple(reasons)


def _ends(frame: str) -> Iterable[str]:
    """Return the repository paths that a frame may stand for: the whole path, or any suffix with a folder."""
    parts = [part for part in frame.replace("\\", "/").split("/") if part not in {"", "."}]
    whole = "/".join(parts)
    yield whole
    yield _LAYOUT.sub("", whole)
    for first in range(1, len(parts) - 1):
        yield "/".join(parts[first:])


def _some(paths: Sequence[str]) -> str:
    name = paths[0] if len(paths[0]) <= _NAME_LIMIT else f"...{paths[0][3 - _NAME_LIMIT :]}"
    return name if len(paths) == 1 else f"{name} and {len(paths) - 1} more"


def _bounded(raw: Sequence[float]) -> list[float]:
    """The weights relative to their mean, within bounds."""
    mean = sum(raw) / max(len(raw), 1)
    held = [min(max(weight / mean, LEAST), MOST) for weight in raw]
    middle = sum(held) / max(len(held), 1)
    return [weight / middle for weight in held]


@cache
def default_factors() -> Mapping[str, float]:
    """The factor of each trait, learnt and stated."""
    text = files("bisect_tool.search").joinpath("prior_weights.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {**tables["stated"], **tables["learnt"]}
