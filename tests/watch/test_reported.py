"""What was reported is remembered in the home."""

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import Home
from bisect_tool.results.nightly import Cause
from bisect_tool.watch.reported import record, reported


def cause(mark, state, culprit="c"):
    return Cause(fingerprint=mark, state=state, cells=("a",), good="g", bad="b", culprit=culprit)


def test_states_add_up_over_nights(tmp_path):
    home = Home(tmp_path, tmp_path)
    assert reported(home) == {}
    record(home, [cause("1", "new"), cause("2", "new")])
    record(home, [cause("1", "fixed"), cause("3", "open"), cause("4", "new", culprit="")])
    assert reported(home) == {"1": "fixed", "2": "open", "3": "open", "4": "candidates"}


def test_damaged_file_makes_everything_new(tmp_path):
    home = Home(tmp_path, tmp_path)
    record(home, [cause("1", "new")])
    (tmp_path / "nightly" / "reported.json").write_text("{")
    assert reported(home) == {}
    (tmp_path / "nightly" / "reported.json").write_text("[1]")
    assert reported(home) == {}


def test_disk_that_takes_nothing_is_named(tmp_path):
    (tmp_path / "nightly").write_text("in the way")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        record(Home(tmp_path, tmp_path), [cause("1", "new")])
