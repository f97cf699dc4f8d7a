"""What makes a trial of an earlier session another one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bisect_tool
from bisect_tool.trial import version

PACKAGE = Path(bisect_tool.__file__).parent


@pytest.mark.parametrize(
    "file",
    [
        "trial/collect.py",
        "supervise/logs.py",
        "text.py",
        "verdict.py",
        "evidence/chain.py",
        "suite/stream/bisect_stream.py",
    ],
)
def test_what_decides_outcomes_is_part_of_the_version(tmp_path, monkeypatch, file):
    for name in version._OURS:
        place = PACKAGE / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    monkeypatch.setattr(version, "_PACKAGE", tmp_path)
    before = version._ours.__wrapped__()
    assert version._ours.__wrapped__() == before
    with (tmp_path / file).open("a") as source:
        source.write("# changed\n")
    assert version._ours.__wrapped__() != before
