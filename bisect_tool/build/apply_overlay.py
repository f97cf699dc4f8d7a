"""Apply an environment's files to a commit's tree; the next checkout removes them again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.build.environment import BuildFailed
from bisect_tool.build.overlay_provider import OVERLAY
from bisect_tool.build.profile import Provider

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.build.build import Build


def apply_overlay(job: Build) -> None:
    """Link the overlay's files into the tree and compile its Python files; the environment is not changed.

    Symbolic links, because an overlay can have hundreds of megabytes. git replaces a link; it does not write
    to the file that the link points to.

    Raises:
        BuildFailed: the tree has a folder where a file belongs, or a link that points outside.
    """
    overlay = job.folder / OVERLAY
    for source in sorted(path for path in overlay.rglob("*") if path.is_file()):
        target = job.tree / source.relative_to(overlay)
        # A file that a project builds at one commit can be part of another commit.
        if not (job.profile.provider is Provider.PROJECT and target.exists()):
            _link(source, target, job)
    _compile_bytecode(job)


def _compile_bytecode(job: Build) -> None:
    """Compile the profile's folders to bytecode: several processes then start twice as fast."""
    tree = job.tree.resolve()
    resolved = [(tree / name).resolve() for name in job.profile.tree]
    folders = [str(path) for path in resolved if path.is_dir() and path.is_relative_to(tree)]
    if not folders:
        return
    records = job.log.with_suffix(".guardian")  # other trials may be applying the same environment now
    job = replace(job, records=records, token=f"bisect-run-overlay-{records}")
    try:
        job.run([str(job.python), "-m", "compileall", "-q", "-j", "0", *folders], {}, job.tree)
    except BuildFailed:  # packages ship files that no Python can compile
        job.note("(some files do not compile; the trial shows whether that matters)")
    shutil.rmtree(records, ignore_errors=True)


def _link(source: Path, target: Path, job: Build) -> None:
    name = target.relative_to(job.tree)
    if not target.parent.resolve().is_relative_to(job.tree.resolve()):
        raise BuildFailed(f"{name.parent} in the commit points outside its tree", job.log)
    if target.is_dir() and not target.is_symlink():
        raise BuildFailed(f"{name} is a directory in the commit", job.log)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)
