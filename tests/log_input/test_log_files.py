"""Logs in every supported format give the same numbered lines."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.log_input import files
from bisect_tool.log_input.files import LogFiles

TEXT = "starting\nValueError: bad\nend\n"


@pytest.fixture
def notes():
    return []


def read(notes, *paths):
    logs = LogFiles([str(path) for path in paths], notes.append)
    return [(line.source, line.number, line.text) for line in logs.lines()]


def texts(notes, *paths):
    return [text for _, _, text in read(notes, *paths)]


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return path


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode().rstrip(b"\n"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        gzip.compress(TEXT.encode("utf-16-le")),
        gzip.compress(TEXT.encode()),
        "".join(f"    {line}\n" for line in TEXT.splitlines()).encode(),
    ],
    ids=[
        "plain",
        "no end of line",
        "byte order mark",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "packed utf-16",
        "gzip",
        "indented",
    ],
)
def test_format_is_recognised_by_content(tmp_path, notes, content):
    path = tmp_path / "build"
    path.write_bytes(content)
    assert read(notes, path) == [
        (str(path), 1, "starting"),
        (str(path), 2, "ValueError: bad"),
        (str(path), 3, "end"),
    ]
    assert notes == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_report_is_recognised_in_any_encoding(tmp_path, notes, encoding):
    path = tmp_path / "report"
    case = '<testcase name="x"><failure>ValueError: bad</failure></testcase>'
    path.write_bytes(f"<?xml version='1.0'?>\n<testsuite>{case}</testsuite>".encode(encoding))
    assert "ValueError: bad" in texts(notes, path)


def test_deeper_indentation_is_kept(tmp_path, notes):
    path = tmp_path / "a.log"
    path.write_text("  Traceback\n\n    File\n  KeyError: 1\n")
    assert texts(notes, path) == ["Traceback", "", "  File", "KeyError: 1"]


def test_partly_indented_log_is_unchanged(tmp_path, notes):
    path = tmp_path / "a.log"
    path.write_text("  File\nKeyError: 1\n")
    assert texts(notes, path) == ["  File", "KeyError: 1"]


def test_undecodable_bytes_are_replaced(tmp_path, notes):
    path = tmp_path / "a.log"
    path.write_bytes(b"a\xffb\n\x00\n")
    assert texts(notes, path) == ["a\ufffdb", "\x00"]


def test_very_long_line_is_truncated(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(files, "_LINE_LIMIT", 1000)
    monkeypatch.setattr(files, "_BLOCK", 500)
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * 100_000 + b"\nnext\n")
    first, second = texts(notes, path)
    assert len(first) < 3000
    assert second == "next"


def test_folder_is_read_recursively(tmp_path, notes):
    for name in ("b/rank1.log", "a.txt", "b/rank0.log.gz", "data.bin", ".git/c.log"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        text = f"{path.name}\n".encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    assert texts(notes, tmp_path) == ["a.txt", "rank0.log.gz", "rank1.log"]


def test_pipe_inside_a_folder_does_not_block(tmp_path, notes):
    os.mkfifo(tmp_path / "fifo.log")
    (tmp_path / "a.log").write_text("a\n")
    assert texts(notes, tmp_path) == ["a"]


def test_several_paths_are_read_once_each_in_order(tmp_path, notes):
    for name in ("b.log", "a.log"):
        (tmp_path / name).write_text(f"{name}\n")
    assert texts(notes, tmp_path / "b.log", tmp_path / "a.log", tmp_path / "b.log") == ["b.log", "a.log"]


def test_archive_skips_logs_of_steps_of_whole_jobs(tmp_path, notes):
    path = archive(
        tmp_path / "logs.zip",
        {
            "0_gpu tests.txt": "job\n",
            "gpu tests/1_Set up.txt": "step\n",
            "other/1_x.txt": "other\n",
            "i.png": "x",
        },
    )
    assert read(notes, path) == [
        (f"{path}:0_gpu tests.txt", 1, "job"),
        (f"{path}:other/1_x.txt", 1, "other"),
    ]


def test_archive_is_not_unpacked_to_disk(tmp_path, notes):
    path = archive(tmp_path / "logs.zip", {"../../evil.txt": "evil\n", "/abs.log": "abs\n"})
    assert sorted(texts(notes, path)) == ["abs", "evil"]
    assert [each.name for each in tmp_path.iterdir()] == ["logs.zip"]


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_unpacked_size_is_limited(tmp_path, notes, monkeypatch, packed):
    monkeypatch.setattr(files, "_UNPACKED_LIMIT", 1 << 20)
    bomb = b"0123456789\n" * 2_000_000
    path = tmp_path / f"bomb.{packed}"
    if packed == "gz":
        path.write_bytes(gzip.compress(bomb))
    else:
        archive(path, {"a.log": bomb})
    assert len(texts(notes, path)) < 300_000


def test_unpacked_size_of_an_archive_is_limited_in_total(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(files, "_UNPACKED_LIMIT", 1 << 20)
    path = archive(tmp_path / "logs.zip", {f"{name}.log": b"0123456789\n" * 60_000 for name in "abc"})
    read = {line.source for line in LogFiles([str(path)], notes.append).lines()}
    assert read == {f"{path}:a.log", f"{path}:b.log"}
    assert notes == [f"{path}:b.log is longer than 1 MiB; the rest is skipped"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["a.log", "a.xml"])
def test_damaged_file_of_an_archive_is_named(tmp_path, notes, method, name):
    content = b'<testsuites><testsuite name="' + os.urandom(100_000).hex().encode() + b'"/></testsuites>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as made:
        made.writestr(name, content if name == "a.xml" else content[29:])
    path = tmp_path / "logs.zip"
    path.write_bytes(packed.getvalue()[:50_000] + b"\xff" * 200 + packed.getvalue()[50_200:])
    list(LogFiles([str(path)], notes.append).lines())
    assert any("damaged" in note for note in notes)


@pytest.mark.parametrize("content", [b"\xff" * 50, b"", b"\0" * 50])
def test_damaged_gzip_file_is_named(tmp_path, notes, content):
    path = tmp_path / "a.log.gz"
    path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\3" + content)
    assert not any(texts(notes, path))
    assert len(notes) == 1


def test_truncated_gzip_file_is_read_up_to_its_end(tmp_path, notes):
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(os.urandom(300_000).hex().encode() + b"\nlast\n")[:-20])
    assert texts(notes, path)
    assert len(notes) == 1
    assert "damaged" in notes[0]


def test_standard_input(tmp_path, notes):
    path = tmp_path / "a.log"
    path.write_text(TEXT)
    kept = os.dup(0)
    try:
        with path.open() as stream:
            os.dup2(stream.fileno(), 0)
        assert read(notes, "-")[1] == ("stdin", 2, "ValueError: bad")
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder / "nowhere",
        lambda folder: folder / "a\0b",
        lambda folder: folder,
        lambda _: Path("/dev/zero"),
        lambda folder: archive(folder / "a.zip", {"a.log": "x"}).rename(folder / "b.zip"),
    ],
    ids=["missing", "no path", "folder without logs", "device", "cut archive"],
)
def test_unreadable_path_is_a_usage_error(tmp_path, notes, make):
    path = make(tmp_path)
    if path.name == "b.zip":
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UsageError):
        read(notes, path)


def test_encrypted_archive_is_a_usage_error(tmp_path, notes):
    path = archive(tmp_path / "a.zip", {"a.log": "x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read(notes, path)


def test_zip_archive_from_a_pipe_is_a_usage_error(tmp_path, notes):
    ours, theirs = os.pipe()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("a.log", "x")
    os.write(theirs, buffer.getvalue())
    os.close(theirs)
    try:
        with pytest.raises(UsageError, match="cannot be read from a pipe"):
            read(notes, f"/dev/fd/{ours}")
    finally:
        os.close(ours)


JUNIT = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
<testcase classname="tests.test_a" name="test_ok"><system-out>KeyError: 'fine'</system-out></testcase>
<testcase classname="tests.test_a.TestK" name="test_m[1]"><failure message="assert 1 == 2">self = 1

    def test_m(self):
&gt;       assert 1 == 2
E       assert 1 == 2

tests/test_a.py:8: AssertionError</failure><system-err>boom</system-err></testcase>
</testsuite></testsuites>
"""


def test_junit_xml_has_one_source_per_failed_test(tmp_path, notes):
    path = tmp_path / "results.xml"
    path.write_text(JUNIT)
    logs = LogFiles([str(path)], notes.append)
    lines = [(line.text, logs.location(line.source, line.number)) for line in logs.lines()]
    assert lines[1] == ("____ tests/test_a.py::TestK::test_m[1] ____", (str(path), 3))
    assert lines[-1][0] == "boom"
    assert not any("fine" in text for text, _ in lines)


@pytest.mark.parametrize(
    "xml",
    [
        "<?xml version='1.0'?><coverage/>",
        "<?xml version='1.0'?><!DOCTYPE plist SYSTEM 'x.dtd'><plist/>",
        "<?xml version='1.0'?><broken",
    ],
)
def test_other_xml_in_a_folder_is_skipped(tmp_path, notes, xml):
    (tmp_path / "coverage.xml").write_text(xml)
    (tmp_path / "a.log").write_text("a\n")
    assert texts(notes, tmp_path) == ["a"]
    assert notes == []


def test_damaged_report_in_a_folder_is_reported(tmp_path, notes):
    (tmp_path / "junit.xml").write_text("<?xml version='1.0'?><testsuites><testsuite")
    assert texts(notes, tmp_path) == []
    assert "junit.xml" in notes[0]


def test_number_of_logs_in_a_folder_is_limited(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(files, "_MAX_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.log").write_text(f"{number}\n")
    assert texts(notes, tmp_path) == ["0", "1", "2"]
    assert "has too many files" in notes[0]


def test_number_of_files_visited_in_a_folder_is_limited(tmp_path, notes, monkeypatch):
    monkeypatch.setattr(files, "_MAX_ENTRIES", 3)
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.log").write_text(f"{folder}\n")
    assert texts(notes, tmp_path) == ["a"]
    assert "has too many files" in notes[0]
