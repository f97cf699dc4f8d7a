"""Folders that travel as bytes."""

from __future__ import annotations

import os

from bisect_tool.executor.ray.archive import pack, unpack


def test_files_arrive_and_links_do_not(tmp_path):
    there = tmp_path / "there"
    (there / "logs" / "__pycache__").mkdir(parents=True)
    (there / "logs" / "suite.log").write_text("failed\n")
    (there / "logs" / "__pycache__" / "a.pyc").touch()
    (there / "link").symlink_to("/etc/passwd")
    (there / "outside").symlink_to("/etc")
    os.mkfifo(there / "pipe")
    unpack(pack(there), tmp_path / "here")
    arrived = {str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*")}
    assert arrived == {"logs", "logs/suite.log"}
    assert (tmp_path / "here" / "logs" / "suite.log").read_text() == "failed\n"


def test_what_was_shown_before_is_replaced(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    for folder, text in ((there, "all of it\n"), (here, "all")):
        folder.mkdir()
        (folder / "stream.jsonl").write_text(text)
    unpack(pack(there), here)
    assert (here / "stream.jsonl").read_text() == "all of it\n"
