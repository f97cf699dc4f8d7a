"""Reported causes are stored in the home."""

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.json_document.nightly import Cause
from bisect_tool.nightly_run.reported_causes import Reported, record, reported
from bisect_tool.paths import Home


def cause(mark, state, culprit="c"):
    return Cause(fingerprint=mark, state=state, cells=("a",), good="g", bad="b", culprit=culprit)


def test_states_of_several_nights_are_merged(tmp_path):
    home = Home(tmp_path, tmp_path)
    assert reported(home) == Reported()
    record(home, [cause("1", "new"), cause("2", "new")])
    record(home, [cause("1", "fixed"), cause("3", "open"), cause("4", "new", culprit="")])
    assert reported(home) == Reported({"1": "fixed", "2": "open", "3": "open", "4": "candidates"})


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_damaged_file_is_reported_and_kept(tmp_path, content):
    home, path = Home(tmp_path, tmp_path), tmp_path / "nightly" / "reported.json"
    record(home, [cause("1", "new")])
    path.write_bytes(content)
    found = reported(home)
    assert found.states == {}
    assert found.problem.startswith(f"{path} is damaged: causes that earlier nights reported count as new")
    record(home, [cause("2", "new")])
    assert reported(home) == Reported({"2": "open"})
    assert path.with_name("reported.json.damaged").read_bytes() == content


def test_unreadable_file_is_reported(tmp_path):
    path = tmp_path / "nightly" / "reported.json"
    path.mkdir(parents=True)
    assert f"{path} cannot be read (Is a directory)" in reported(Home(tmp_path, tmp_path)).problem


def test_unwritable_file_is_an_environment_error(tmp_path):
    (tmp_path / "nightly").write_text("in the way")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        record(Home(tmp_path, tmp_path), [cause("1", "new")])
