"""Folders that travel as bytes."""

from __future__ import annotations

import io
import os
import tarfile

import pytest

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


def test_existing_files_are_replaced(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    for folder, text in ((there, "all of it\n"), (here, "all")):
        folder.mkdir()
        (folder / "stream.jsonl").write_text(text)
    unpack(pack(there), here)
    assert (here / "stream.jsonl").read_text() == "all of it\n"


def test_modes_arrive_without_special_bits(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    for name, mode in (("run.sh", 0o755), ("setuid", 0o4777), ("secret", 0o400)):
        (there / name).touch()
        (there / name).chmod(mode)
    unpack(pack(there), here)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in here.iterdir()}
    assert modes == {"run.sh": 0o755, "setuid": 0o755, "secret": 0o600}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../out", tarfile.REGTYPE),
        ("logs/../../out", tarfile.REGTYPE),
        ("/out", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_members_that_pack_never_makes_are_rejected(tmp_path, name, kind):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ValueError, match="does not belong to this archive"):
        unpack(packed.getvalue(), tmp_path / "here")
    assert [*tmp_path.rglob("*")] == []


def test_existing_link_is_not_written_through(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
    (tmp_path / "outside").write_text("kept")
    (there / "stream.jsonl").write_text("sent")
    (here / "stream.jsonl").symlink_to(tmp_path / "outside")
    unpack(pack(there), here)
    assert (tmp_path / "outside").read_text() == "kept"
    assert (here / "stream.jsonl").read_text() == "sent"
