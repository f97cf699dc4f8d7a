"""Failures of builds ahead of need are noted; unexpected errors are raised."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from bisect_tool.build import BuildFailed, BuildInterrupted
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor import prefetch
from bisect_tool.executor.prefetch import Prefetch
from bisect_tool.git import CheckoutFailed


@pytest.fixture
def noted(monkeypatch):
    """The notes while commits are built, each of which fails with its given error."""

    def run(**errors):
        notes = []

        def prepare(self, sha, name, build):
            raise errors[sha]

        monkeypatch.setattr(prefetch, "fingerprint", lambda _, sha, *__: sha)
        monkeypatch.setattr(Prefetch, "_prepare", prepare)
        monkeypatch.setattr(Prefetch, "_next_commits", lambda _: iter(errors))
        setting = SimpleNamespace(home=SimpleNamespace(cache=Path("/nowhere")))
        Prefetch(setting, None, None, notes.append)._work(None)
        return notes

    return run


def test_each_failure_is_noted_once_and_the_next_commit_is_built(noted):
    notes = noted(
        aaa=BuildFailed("no compiler", Path("log")),
        bbb=EnvironmentFailed("the disk is full"),
        ccc=CheckoutFailed("missing blob"),
        ddd=OSError(28, "No space left on device"),
    )
    assert [note.split()[0] for note in notes] == ["aaa", "bbb", "ccc", "ddd"]
    for note, why in zip(notes, ["no compiler", "is full", "missing blob", "No space left"], strict=True):
        assert "could not be built in advance" in note
        assert why in note


def test_end_of_the_session_is_no_failure(noted):
    assert noted(aaa=BuildInterrupted("cancelled"), bbb=OSError("never tried")) == []


def test_failure_is_logged_with_its_traceback(noted, caplog):
    """After the session, notes are not shown."""
    caplog.set_level(logging.DEBUG, "bisect_run")
    noted(aaa=OSError(28, "No space left on device"), bbb=BuildInterrupted("cancelled"))
    assert caplog.messages == ["aaa is not built ahead", "bbb is not built ahead: interrupted"]
    assert "No space left on device" in caplog.text


def test_unexpected_error_is_raised(noted):
    with pytest.raises(AttributeError, match="mistake"):
        noted(aaa=AttributeError("mistake"))
