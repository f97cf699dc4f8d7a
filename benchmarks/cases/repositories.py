"""Repositories that are incomplete, shared, or configured in unusual ways."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_CODE = ("sh", "-c", "exit $(cat code)")
_UPDATE = "#!/bin/sh\ngit submodule -q update --init || exit 125\nexit $(cat dependency/code)\n"
_PLAIN = "#!/bin/sh\nexit $(cat dependency/code)\n"
_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{0:064d}\nsize {0}\n"
_LOADER = """#!/bin/sh
head -c 7 weights.bin | grep -q version && { echo "invalid load key, 'v'" >&2; exit 1; }
exit 0
"""
_CARRIAGE_RETURN = '#!/bin/sh\ngrep -q "$(printf "\\r")" text.txt || exit 125\nexit $(cat code)\n'


def shallow(project: Projects) -> Questions:
    """The good end is outside a shallow clone."""
    made = project()
    good, *_ = made.series(0, 0, 0, 1, 1, 1, 1, 1)
    made.git("tag", "v1", good)
    cut = made.at(made.path.parent / "shallow")
    made.git("clone", "--quiet", "--depth", "3", f"file://{made.path}", str(cut.path))
    expected = Expected((2,), matches=("shallow", "--unshallow"))
    yield Question("full id", cut, search(good, "HEAD", *_CODE), expected)
    yield Question("tag", cut, search("v1", "HEAD", *_CODE), expected)
    yield Question("HEAD~7", cut, search("HEAD~7", "HEAD", *_CODE), expected)


def submodules(project: Projects) -> Questions:
    """The update of a submodule is the culprit; its URL is relative, as usual."""
    inner, made = project(), project()
    first = inner.commit(0)
    second = inner.commit(1)
    hub = made.path.parent / "hub"
    hub.mkdir()
    made.git("clone", "--quiet", "--bare", str(inner.path), str(hub / "inner.git"))
    made.git("init", "--quiet", "--bare", str(hub / "outer.git"))
    made.git("remote", "add", "origin", str(hub / "outer.git"))
    made.commit(0)
    made.git("submodule", "--quiet", "add", "../inner.git", "dependency")
    made.git("-C", "dependency", "checkout", "--quiet", first)
    good = made.commit(0)
    made.commit(0)
    made.git("-C", "dependency", "checkout", "--quiet", second)
    culprit = made.commit(0, "update dependency")
    bad = made.commit(0)
    updates = search(good, bad, made.script(_UPDATE))
    yield Question("git submodule update", made, updates, Expected((0,), culprit))
    plain = search(good, bad, made.script(_PLAIN, "plain.sh"))
    yield Question("without it", made, plain, Expected((3, 4), matches=("submodule",)))


def large_files(project: Projects) -> Questions:
    """Pointers of LFS instead of contents."""
    made = project()
    attributes = {".gitattributes": "*.bin filter=lfs -text\n"}
    good = made.commit(0, files={**attributes, "weights.bin": _POINTER.format(1)})
    made.commit(0)
    made.commit(0, "new weights", {"weights.bin": _POINTER.format(2)})
    bad = made.commit(0)
    expected = Expected((4,), matches=("LFS",))
    yield Question("pointers", made, search(good, bad, made.script(_LOADER)), expected)


def line_ends(project: Projects) -> Questions:
    """The user's checkouts have carriage returns (core.autocrlf)."""
    made = project()
    good = made.commit(0, files={".gitattributes": "*.txt text\n", "text.txt": "one\n"})
    made.git("config", "core.autocrlf", "true")
    _, culprit, bad = made.series(0, 1, 1)
    asked = search(good, bad, made.script(_CARRIAGE_RETURN))
    yield Question(
        "autocrlf", made, asked, Expected((0, 3, 4), culprit, or_none=True, matches=("autocrlf|First bad",))
    )


def lost_object(project: Projects) -> Questions:
    """Commits in the middle cannot be checked out."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    lost = made.commit(0, "its blob is lost", {"lost": "unique\n"})
    made.commit(0)
    (made.path / "lost").unlink()
    made.commit(0)
    culprit, _, bad = made.series(1, 1, 1)
    blob = made.git("rev-parse", f"{lost}:lost")
    (made.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    yield Question("skipped", made, search(good, bad, *_CODE), Expected((0,), culprit))


def partial(project: Projects) -> Questions:
    """A partial clone, with its server there and gone."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    culprit, _, bad = made.series(1, 1, 1)
    made.git("config", "uploadpack.allowFilter", "true")
    clone = made.at(made.path.parent / "partial")
    made.git("clone", "--quiet", "--filter=blob:none", f"file://{made.path}", str(clone.path))
    found = Expected((0,), culprit)
    server = made.path.rename(made.path.parent / "gone")
    asked = search(good, bad, *_CODE)
    gone = Expected((3, 4, 5), culprit, or_none=True)
    yield Question("server gone", clone, asked, gone)
    server.rename(made.path)
    yield Question("server there", clone, search(good, bad, *_CODE, options=("--fresh",)), found)


def other_owner(project: Projects) -> Questions:
    """The checkout belongs to another user."""
    if os.getuid() != 0:
        return
    made = project()
    good, _, culprit, bad = made.series(0, 0, 1, 1)
    for folder, _, files in os.walk(made.path):
        for path in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118
            os.chown(path, 4242, 4242, follow_symlinks=False)
    expected = Expected((2,), matches=("safe.directory",))
    yield Question("a folder", made, search(good, bad, *_CODE), expected)
    address = search(good, bad, *_CODE, options=("--repo", f"file://{made.path}"))
    yield Question("a URL", made, address, expected)
    home = made.path.parent / "user"
    home.mkdir()
    (home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {made.path}\n", encoding="utf-8")
    trusted = {"HOME": str(home)}
    yield Question("trusted", made, search(good, bad, *_CODE), Expected((0,), culprit), trusted)


def configured(project: Projects) -> Questions:
    """Hooks, signatures, sparse checkouts, a detached and dirty checkout."""
    made = project()
    good, _, culprit, bad = made.series(0, 0, 1, 1)
    found = Expected((0,), culprit)
    for key, value in (
        ("core.hooksPath", str(made.path.parent)),
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("core.abbrev", "4"),
        ("diff.external", "/bin/false"),
        ("core.pager", "false"),
        ("i18n.logOutputEncoding", "latin1"),
    ):
        made.git("config", key, value)
    yield Question("configuration", made, search(good, bad, *_CODE), found)
    made.git("checkout", "--quiet", "--detach", f"{bad}~1")
    made.write({"code": "dirty\n", "untracked": "x\n"})
    fresh = ("--fresh",)
    yield Question("dirty", made, search(good, "main", *_CODE, options=fresh), found)
    made.git("checkout", "--quiet", "--force", "main")
    made.git("sparse-checkout", "set", "nothing")
    yield Question("sparse", made, search(good, bad, *_CODE, options=fresh), found)


def odd_names(project: Projects) -> Questions:
    """Escape sequences in a subject and in a path; object names of 64 digits."""
    made = project()
    good, _ = made.series(0, 0)
    subject = "\x1b[31mred\x1b[0m `code` </details> | %s"
    culprit = made.commit(1, subject, {"a\nb \x1b[2J": "x", "-rf": "x"})
    bad = made.commit(1)
    yield Question("escape sequences", made, search(good, bad, *_CODE), Expected((0,), culprit))
    wide = project()
    shutil.rmtree(wide.path / ".git")
    wide.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    good, _, culprit, bad = wide.series(0, 0, 1, 1)
    yield Question("SHA-256", wide, search(good, bad, *_CODE), Expected((0,), culprit))


CASES = (
    Case("shallow", "checkstyle/contribution#391, op-test#899", shallow),
    Case("submodules", "moqx#688, pypto-lib#144", submodules),
    Case("large-files", "git-lfs#3382", large_files),
    Case("line-ends", "core.autocrlf", line_ends),
    Case("lost-object", "nrn#1636", lost_object),
    Case("partial-clone", "git-who#29, git-branchless#1106", partial),
    Case("other-owner", "actions/runner#2033", other_owner),
    Case("odd-names", "hostile subjects and paths", odd_names),
    Case("configuration", "what repositories are configured with", configured),
)
