"""Archives of reports: read in memory, and rejected if damaged or malicious."""

import gzip
import io
import tarfile
import zipfile

import pytest
from junit_runs import OTHER, SHA, case, observe, report, tarred, zipped

from bisect_tool.ci_results import report_file
from bisect_tool.ci_results.report_file import NoArchive, unpack
from bisect_tool.errors import UsageError

ARCHIVES = pytest.mark.parametrize("pack", [zipped, tarred])


@ARCHIVES
def test_reports_of_an_archive_are_read(tmp_path, folder, pack):
    members = {
        f"{SHA}/a.xml": report(case("test_a")),
        "b/junit.xml": report(case("test_b")),
        "b/commit": OTHER.encode(),
        "b/notes.txt": b"x",
    }
    path = folder("nights.bin", pack(members))
    assert [(each.commit, each.build, each.attempt) for each in observe(path)] == [
        (SHA, f"{path}/{SHA}", "a.xml"),
        (OTHER, f"{path}/b", "junit.xml"),
    ]


@ARCHIVES
def test_archive_is_not_written_to_disk(tmp_path, folder, pack):
    members = {f"../../{SHA}/a.xml": report(case("test_a")), f"/{OTHER}/b.xml": report(case("test_b"))}
    path = folder("in/nights.bin", pack(members))
    assert {each.commit for each in observe(path)} == {SHA, OTHER}
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


@ARCHIVES
def test_too_large_archive_is_ignored(tmp_path, folder, pack, monkeypatch):
    monkeypatch.setattr(report_file, "SIZE_LIMIT", 1000)
    notes = []
    folder(f"{SHA}/good.xml")
    folder("nights.bin", pack({f"{SHA}/{name}.xml": b" " * 600 for name in "ab"}))
    assert len(observe(tmp_path / "**", notes)) == 1
    assert [note.partition(" is left out: ")[2] for note in notes] == [
        "the archive is too large for a test report"
    ]


@pytest.mark.parametrize(
    "damaged",
    [zipped({"a.xml": b"x" * 999})[:-30], tarred({"a.xml": b"x"})[:40], b"PK"],
    ids=["zip", "tar", "two bytes"],  # an archive holds the time at which it was made
)
def test_damaged_archive_is_ignored(tmp_path, folder, damaged):
    notes = []
    folder(f"{SHA}/good.xml")
    folder("nights.bin", damaged)
    observe(tmp_path / "**", notes)
    assert [note.partition(" is left out: ")[2].partition(":")[0] for note in notes] == [
        "the archive cannot be read"
    ]


def damaged_tar(header, repeated=1):
    return gzip.compress(header * repeated + b"\0" * 1024)


def header_of(size):
    """The header of a member of this size, which can be one that leads back to the member itself."""
    field = size.to_bytes(12, "big", signed=True) if size < 0 else b"%011o\0" % size
    header = bytearray(tarfile.TarInfo("a.xml").tobuf(tarfile.GNU_FORMAT))
    header[124:136], header[148:156] = field, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def pax_headers(number):
    """An archive whose first header has many settings for all members."""
    data = io.BytesIO()
    settings = {f"k{each}": "v" for each in range(number)}
    with tarfile.open(fileobj=data, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers=settings) as archive:
        archive.addfile(tarfile.TarInfo("a.xml"))
    return data.getvalue()


def damaged_lzma():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.xml", bytes(range(256)) * 500)
    return data.getvalue().replace(data.getvalue()[45:60], b"\xff" * 15, 1)


@pytest.mark.parametrize(
    "content",
    [
        damaged_tar(header_of(-512)),
        damaged_tar(header_of(-1024), 3),
        damaged_tar(header_of(-100_000), 3),
        damaged_tar(header_of(1 << 30)),
        pax_headers(200),
        damaged_lzma(),
    ],
    ids=["back by nothing", "back to itself", "back before", "longer", "headers", "lzma"],
)
def test_malicious_archive_is_ignored(content):
    with pytest.raises(NoArchive):
        unpack(content, "nights")


def test_headers_of_an_archive_count_towards_its_size(monkeypatch):
    monkeypatch.setattr(report_file, "SIZE_LIMIT", 10_000)
    with pytest.raises(NoArchive, match="too large for a test report"):
        unpack(pax_headers(5000), "nights")


def test_links_in_an_archive_are_not_followed(tmp_path, folder):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"{SHA}/a.xml")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(UsageError, match=r"no file that matches .*contains the result"):
        observe(folder("nights.tar.gz", data.getvalue()))
