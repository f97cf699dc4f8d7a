"""Without --repo, the repository is that of the current directory, if it can be."""

from contextlib import closing
from pathlib import Path

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.json_document.earlier_sessions import with_earlier_check
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import FixesOptions, RunOptions
from bisect_tool.paths import home as current_home
from bisect_tool.session.store import Store


@pytest.mark.parametrize("inside", [".", "objects"])
def test_bare_repository_is_used(engine, monkeypatch, inside):
    monkeypatch.chdir(engine / inside)
    resolved = resolve(RunOptions(good=("good",), bad="bad"), current_home(), pytest.fail)
    assert resolved.request.repo == str(engine)
    assert resolved.request.profile == "reference"


def test_repository_of_a_subfolder_is_the_whole_checkout(project, monkeypatch):
    folder = Path(project.path, "pkg", "deep")
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    resolved = resolve(RunOptions(good=("c1",), bad="c8", command=("true",)), current_home(), pytest.fail)
    assert resolved.request.repo == str(project.path)
    assert f"--repo {project.path} " in resolved.request.rerun


@pytest.mark.parametrize("folder", [".", ".git"])
def test_missing_check_outside_of_an_engine_suggests_both_ways(project, monkeypatch, folder):
    """Nothing is cloned: that would be another project's history."""
    monkeypatch.chdir(Path(project.path, folder))
    with pytest.raises(UsageError) as raised:
        resolve(RunOptions(good=("c1",), bad="c8"), current_home(), pytest.fail)
    assert "--pytest tests/" in raised.value.hint
    assert "-- ./check.sh" in raised.value.hint


def test_test_files_outside_a_repository_are_no_engine_s(tmp_path, monkeypatch):
    """Nothing is cloned: the files are those of a project."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is not a git repository") as raised:
        resolve(RunOptions(good=("a",), bad="b", pytest=("tests/test_a.py",)), current_home(), pytest.fail)
    assert "--repo takes a checkout" in raised.value.hint


def test_scenario_by_name_reads_its_own_repository_from_any_other(project, monkeypatch):
    class Asked(Exception):
        pass

    def notice(sentence):
        raise Asked(sentence)

    monkeypatch.chdir(project.path)
    with pytest.raises(
        Asked, match="this directory is not an engine of scenario external-lb-dp: reading https"
    ):
        resolve(RunOptions(good=("c1",), bad="c8", scenario="external-lb-dp"), current_home(), notice)


def options(**given):
    return FixesOptions(**{"at": "bad", "verify": ("bad",)} | given)


@pytest.fixture
def earlier(engine, monkeypatch):
    """A session of another scenario at the bad end of the engine, which is the current folder."""
    monkeypatch.chdir(engine)
    arguments = RunOptions(good=("good",), bad="bad", scenario="shutdown", profile="reference")
    resolved = resolve(arguments, current_home(), pytest.fail)
    with closing(Store(current_home().store)) as store:
        store.create(resolved.request.model_dump_json())
        here = current_home()
        yield lambda **given: with_earlier_check(options(**given), store, here, print)


@pytest.mark.parametrize("inside", [".", "objects"])
def test_fixes_uses_the_scenario_of_the_last_session_at_the_commit(engine, earlier, monkeypatch, inside):
    monkeypatch.chdir(engine / inside)
    taken = earlier()
    assert (taken.repo, taken.scenario, taken.profile) == (str(engine), "shutdown", "reference")


@pytest.mark.parametrize(
    "given", [{"at": "good"}, {"scenario": ""}, {"repo": ""}, {"cells": ("*[4]",)}, {"command": ("true",)}]
)
def test_fixes_keeps_given_options(earlier, given):
    assert earlier(**given) == options(**given)
