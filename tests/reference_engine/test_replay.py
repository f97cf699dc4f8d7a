"""The replay: equal hashes everywhere, complete or absent."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bisect_tool.demo import patch_series
from bisect_tool.demo.patch_series import STAMP, Replayed, Series, replay
from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PINNED = {
    "head": "6c95d18c2d32da1e5f7279ec54b7584eb607cb95",
    "good": "10cb8ce0a1f2c53ad871ab1173ebb3362fb183d2",
    "bad": "892f36fbe082ee25341b126ab43eb7377c95b827",
    "culprit": "8f8b4159465bf93421d339c74c24ebcaee665221",
}


@pytest.fixture(scope="module")
def short_series(series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first four commits, for tests that need no more."""
    folder = tmp_path_factory.mktemp("short") / "engine"
    shutil.copytree(series.parent, folder)
    text = 'extends = "series.toml"\nuntil = "models-limit"\ncommit = []\nmarks = { good = "models-limit" }\n'
    (folder / "short.toml").write_text(text, encoding="utf-8")
    return folder / "short.toml"


@pytest.fixture(scope="module")
def short_history(short_series: Path) -> Replayed:
    return replay(short_series, short_series.parents[1] / "history.git")


def test_hashes_are_those_that_the_documentation_names(history: Replayed) -> None:
    assert {name: (history.labels | {"head": history.head})[name] for name in PINNED} == PINNED


def test_replayed_repository_is_complete(history: Replayed, repository: Path) -> None:
    git = ["git", "--git-dir", str(repository)]
    subprocess.run([*git, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True, timeout=60)
    head = subprocess.run([*git, "rev-parse", "main"], check=True, capture_output=True, text=True, timeout=60)
    assert head.stdout.strip() == history.head


@pytest.mark.parametrize("mark", ["good", "bad", "culprit", "fixed"])
def test_marks_are_tags(mark: str, history: Replayed, repository: Path) -> None:
    command = ["git", "--git-dir", str(repository), "rev-parse", f"refs/tags/{mark}"]
    tag = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert tag.stdout.strip() == history.labels[mark]


def test_settings_of_the_user_do_not_change_hashes(
    series: Path, history: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    settings = f"""
        [user]\n name = Somebody Else\n email = else@example.org\n signingkey = none
        [commit]\n gpgsign = true
        [init]\n defaultBranch = trunk\n defaultObjectFormat = sha256\n templateDir = {tmp_path}
        [core]\n autocrlf = true\n hooksPath = {hooks}
        [apply]\n whitespace = error
        [i18n]\n commitEncoding = ISO-8859-1
    """
    (tmp_path / ".gitconfig").write_text(settings, encoding="utf-8")
    for name, value in {
        "HOME": str(tmp_path),
        "TZ": "Asia/Tokyo",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00",
        "GIT_AUTHOR_NAME": "Somebody Else",
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_DEFAULT_HASH": "sha256",
    }.items():
        monkeypatch.setenv(name, value)
    assert replay(series, tmp_path / "here.git") == history
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "hook-ran").exists()


def test_second_replay_does_not_change_the_repository(short_series: Path, tmp_path: Path) -> None:
    destination = tmp_path / "history.git"
    first = replay(short_series, destination)
    before = {path: path.stat().st_mtime_ns for path in destination.rglob("*")}
    assert replay(short_series, destination) == first
    assert {path: path.stat().st_mtime_ns for path in destination.rglob("*")} == before


def test_older_replay_is_replaced(short_series: Path, short_history: Replayed, tmp_path: Path) -> None:
    destination = tmp_path / "history.git"
    replay(short_series, destination)
    stamp = json.loads((destination / STAMP).read_text(encoding="utf-8"))
    (destination / STAMP).write_text(json.dumps(stamp | {"digest": "of another series"}), encoding="utf-8")
    assert replay(short_series, destination) == short_history
    assert [path.name for path in tmp_path.iterdir()] == ["history.git"]


def test_other_repository_is_not_replaced(series: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(UsageError, match="was not created by bisect-run"):
        replay(series, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_concurrent_replays_are_equal(short_series: Path, short_history: Replayed, tmp_path: Path) -> None:
    destination = tmp_path / "history.git"
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: replay(short_series, destination), range(4)))
    assert results == [short_history] * 4
    assert replay(short_series, destination) == short_history
    assert [path.name for path in tmp_path.iterdir()] == ["history.git"]


def test_replay_of_another_process_is_kept(
    short_series: Path, short_history: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in use: while it is replaced, it would be missing."""
    destination, build, made = tmp_path / "history.git", patch_series._build, []

    def overtaken(*arguments: Any) -> Replayed:
        monkeypatch.setattr(patch_series, "_build", build)
        replay(short_series, destination)
        made.append(destination.stat().st_ino)
        return build(*arguments)

    monkeypatch.setattr(patch_series, "_build", overtaken)
    assert replay(short_series, destination) == short_history
    assert [destination.stat().st_ino] == made
    assert [path.name for path in tmp_path.iterdir()] == ["history.git"]


def test_caches_in_the_base_tree_are_ignored(series: Path, history: Replayed, tmp_path: Path) -> None:
    shutil.copytree(series.parent, tmp_path / "engine")
    for folder in ("__pycache__", ".ruff_cache"):
        (tmp_path / "engine" / "base" / folder).mkdir(exist_ok=True)
        (tmp_path / "engine" / "base" / folder / "left.bin").write_bytes(b"\0")
    assert replay(tmp_path / "engine" / "series.toml", tmp_path / "history.git") == history


def test_patch_that_does_not_apply_is_named_and_nothing_is_left(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series.parent, tmp_path / "engine")
    patch = next((tmp_path / "engine" / "patches").glob("*taken-port.patch"))
    patch.write_text(
        patch.read_text(encoding="utf-8").replace("-    listening.bind", "-    nobody.bind"), "utf-8"
    )
    with pytest.raises(UsageError, match=rf"{patch.name} of commit taken-port does not apply"):
        replay(tmp_path / "engine" / "series.toml", tmp_path / "out" / "history.git")
    assert list((tmp_path / "out").iterdir()) == []


COMMIT = 'label = "{}"\nsubject = "s"\nauthor = "A <a@b>"\ndate = "2026-01-01T00:00:00+00:00"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[commit]]\nlabel = ", "not a series"),
        ("[[commit]]\nlabel = 'a'\n", "not a series"),
        ("[[commit]]\n" + COMMIT.format("a").replace("A <a@b>", "A"), "Name <mail>"),
        ("[[commit]]\n" + COMMIT.format("a") + "colour = 'red'\n", "not a series"),
        ("[[commit]]\n" + COMMIT.format("a") + "[[commit]]\n" + COMMIT.format("a"), "unique"),
        ("[[commit]]\n" + COMMIT.format("a") + "parents = ['b']\n", "parents and marks"),
        ("[[commit]]\n" + COMMIT.format("a") + "[marks]\ngood = 'b'\n", "parents and marks"),
        ("[[commit]]\n" + COMMIT.format("a") + "patches = ['none.patch']\n", "none.patch"),
    ],
)
def test_faulty_series_is_a_usage_error(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "series.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=complaint):
        replay(tmp_path / "series.toml", tmp_path / "history.git")


def test_missing_series_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the series"):
        replay(tmp_path / "series.toml", tmp_path / "history.git")


VARIANT = """
extends = "series.toml"
until = "b"

[[commit]]
label = "a"
body = "other"

[marks]
good = "a"
"""


def write_variant(folder: Path, text: str) -> Path:
    commits = "".join("[[commit]]\n" + COMMIT.format(label) for label in "abc")
    (folder / "series.toml").write_text(commits + "[marks]\nbad = 'c'\n", encoding="utf-8")
    (folder / "variant.toml").write_text(text, encoding="utf-8")
    return folder / "variant.toml"


def test_variant_changes_only_the_given_fields(tmp_path: Path) -> None:
    variant = Series.read(write_variant(tmp_path, VARIANT))
    first, second, _ = Series.read(tmp_path / "series.toml").commits
    assert variant.commits == (replace(first, body="other"), second)
    assert variant.marks == {"good": "a"}


@pytest.mark.parametrize(("old", "new"), [('label = "a"', 'label = "z"'), ('until = "b"', 'until = "z"')])
def test_variant_of_missing_commits_is_a_usage_error(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a series"):
        Series.read(write_variant(tmp_path, VARIANT.replace(old, new)))
