"""What invalidates results of earlier sessions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bisect_tool
from bisect_tool.trial import result_key

PACKAGE = Path(bisect_tool.__file__).parent


@pytest.mark.parametrize(
    "file",
    [
        "trial/cell_outcomes.py",
        "supervise/logs.py",
        "sanitise.py",
        "secret_patterns.py",
        "verdict.py",
        "evidence/failure_chain.py",
        "pytest_plugin/stream/bisect_stream.py",
    ],
)
def test_files_that_decide_outcomes_are_part_of_the_version(tmp_path, monkeypatch, file):
    for name in result_key._OWN_CODE:
        place = PACKAGE / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    monkeypatch.setattr(result_key, "_PACKAGE", tmp_path)
    before = result_key._own_files.__wrapped__()
    assert result_key._own_files.__wrapped__() == before
    with (tmp_path / file).open("a") as source:
        source.write("# changed\n")
    assert result_key._own_files.__wrapped__() != before
