from __future__ import annotations

import gzip
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.supervise.line_times import times_file
from bisect_tool.supervise.logs import Bounds, keep_log, last_lines, packed_log, read_blocks, read_lines

PIECES = [b"\r", b"\n", b"\r\n", b"a", b"line", b"\xff", "\u00fc".encode(), b"\0"]


def write(folder, content, stamps=()):
    log = Path(folder) / "rank0.log"
    log.write_bytes(content)
    times_file(log).write_text("".join(f"{end} {time}\n" for end, time in stamps))
    return log


def texts(log, **limits):
    return [text for _, text in read_lines(log, **limits)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo", ["one", "two"]),
        (b" 10%\r 20%\rdone\n", [" 10%", " 20%", "done"]),
        (b"\r", [""]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        (b"gr\xc3\xbc\xc3\x9fe\n", ["gr\u00fc\u00dfe"]),
        (b"null \0 byte\n", ["null \0 byte"]),
        (b"abcdefgh\nij\n", ["abcd [4 bytes left out]", "ij"]),
    ],
)
def test_lines(tmp_path, content, expected):
    assert texts(write(tmp_path, content), limit_line=4 if expected[-1:] == ["ij"] else 100) == expected


@given(st.lists(st.sampled_from(PIECES)).map(b"".join), st.integers(1, 40), st.integers(1, 50))
def test_lines_are_independent_of_chunks(content, chunk, limit):
    whole = re.split(rb"\r\n|\n|\r", content)
    whole = whole if whole[-1] else whole[:-1]
    expected = [
        line[:limit] + (b" [%d bytes left out]" % (len(line) - limit) if len(line) > limit else b"")
        for line in whole
    ]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("bisect_tool.supervise.logs._CHUNK", chunk)
        log = write(folder, content)
        assert texts(log, limit_line=limit) == [line.decode(errors="replace") for line in expected]


@given(st.lists(st.sampled_from([b"a\n", b"bb\n", b"ccc", b"\n"]), max_size=20), st.data())
def test_line_has_the_time_of_the_first_stamp_that_covers_it(parts, data):
    content = b"".join(parts)
    ends = sorted(data.draw(st.sets(st.integers(1, max(1, len(content))), max_size=6)) | {len(content)})
    stamps = [(end, float(number)) for number, end in enumerate(ends)]
    offsets, offset = [], 0
    for line in content.split(b"\n"):
        offsets.append(offset + len(line))
        offset += len(line) + 1
    if content.endswith(b"\n") or not content:
        offsets.pop()
    expected = [next(time for end, time in stamps if end >= position) for position in offsets]
    with TemporaryDirectory() as folder:
        assert [seen for seen, _ in read_lines(write(folder, content, stamps))] == expected


@given(st.lists(st.sampled_from(PIECES)).map(b"".join), st.integers(1, 9), st.integers(1, 20))
def test_last_lines_equal_the_end_of_all_lines(content, count, chunk):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("bisect_tool.supervise.logs._CHUNK", chunk)
        log = write(folder, content)
        assert "".join(last_lines(log, count)[1:]) == "".join(texts(log)[-count:][1:])
        assert len(last_lines(log, count)) == len(texts(log)[-count:])


def test_time_without_a_sidecar_is_that_of_the_file(tmp_path):
    log = tmp_path / "old.log"
    log.write_text("a line\n")
    assert list(read_lines(log)) == [(log.stat().st_mtime, "a line")]


def test_torn_stamp_is_skipped(tmp_path):
    log = write(tmp_path, b"one\ntwo\n")
    times_file(log).write_text("4 1.0\n8 2")
    assert [seen for seen, _ in read_lines(log)] == [1.0, 2.0]
    times_file(log).write_text("4 1.0\n8")
    assert [seen for seen, _ in read_lines(log)] == [1.0, 1.0]


def kept(log):
    """The text of a compressed log, and separately its marker lines."""
    lines = gzip.decompress(packed_log(log).read_bytes()).decode().splitlines()
    markers = [line for line in lines if line.startswith("[bisect-run: ")]
    return [line for line in lines if line and line not in markers], markers


def long_log(tmp_path):
    lines = [b"line %08d\n" % number for number in range(60_000)]
    return write(tmp_path, b"".join(lines), [(14 * 60_000, 1.0)])


def test_short_log_is_unchanged(tmp_path):
    log = write(tmp_path, b"x" * 1000, [(1000, 1.0)])
    assert keep_log(log, (1,)) == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["rank0.log", "rank0.log.times"]


def test_long_log_is_compressed_completely(tmp_path):
    log = long_log(tmp_path)
    content = log.read_bytes()
    assert keep_log(log, (), Bounds(plain=1000)) == 0
    assert gzip.decompress(packed_log(log).read_bytes()) == content
    assert [path.name for path in tmp_path.iterdir()] == ["rank0.log.gz"]


def test_very_long_log_keeps_ends_and_context_of_failures(tmp_path):
    log = long_log(tmp_path)
    size = log.stat().st_size
    left_out = keep_log(log, (30_001,), Bounds(plain=1000, head=1000, tail=1000, around=100))
    lines, markers = kept(log)
    assert lines[0] == "line 00000000"
    assert lines[-1] == "line 00059999"
    assert "line 00030000" in lines
    assert "line 00015000" not in lines
    assert len(markers) == 2
    assert sum(int(marker.split()[1]) for marker in markers) == left_out == size - 14 * len(lines)


def test_log_without_newlines_is_cut_anywhere(tmp_path):
    log = write(tmp_path, b"h" * 1_000_000, [(1_000_000, 1.0)])
    left_out = keep_log(log, (), Bounds(plain=1000, head=10, tail=10))
    lines, _ = kept(log)
    assert 0 < left_out == 1_000_000 - sum(map(len, lines))


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.integers(1, 9))
def test_blocks_hold_every_byte_and_line(content, chunk):
    with TemporaryDirectory() as folder, patch("bisect_tool.supervise.logs._CHUNK", chunk):
        log = write(folder, content)
        blocks = list(read_blocks(log))
        assert b"".join(block.data for block in blocks) == content
        lines = [line for block in blocks for line in block.lines()]
        assert [text for _, _, text in lines if text] == [text for text in texts(log) if text]
        assert all(number == 1 + content.count(b"\n", 0, end) for end, number, text in lines if text)


def test_hole_is_skipped(tmp_path):
    log = tmp_path / "a.log"
    with log.open("wb") as file:
        file.write(b"first\n")
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(b"\nlast\n")
    found = [text.strip("\0") for block in read_blocks(log) for _, _, text in block.lines()]
    assert [text for text in found if text] == ["first", "last"]


@pytest.mark.parametrize("kind", ["pipe", "endless", "dangling", "folder", "missing"])
@pytest.mark.parametrize("name", ["a.log", "a.log.times"])
def test_only_regular_files_have_lines_and_times(tmp_path, kind, name):
    (tmp_path / "a.log").write_text("line\n")
    odd = tmp_path / name
    odd.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    elif kind != "missing":
        odd.symlink_to({"endless": "/dev/zero", "dangling": "nowhere"}[kind])
    expected = [] if name == "a.log" else ["line"]
    assert keep_log(tmp_path / "a.log", ()) == 0
    assert [text for block in read_blocks(tmp_path / "a.log") for _, _, text in block.lines()] == expected
    assert [text for _, text in read_lines(tmp_path / "a.log")] == expected
    assert last_lines(tmp_path / "a.log", 5) == expected


def test_endless_sidecar_is_read_in_part(tmp_path):
    (tmp_path / "a.log").write_text("line\n")
    with (tmp_path / "a.log.times").open("wb") as file:
        file.truncate(1 << 40)
    assert [text for _, text in read_lines(tmp_path / "a.log")] == ["line"]


@pytest.mark.parametrize("stamp", ["5 nan", "5 inf", "5 1e308", f"{'9' * 5000} 1.0", "-1", "x y"])
def test_invalid_stamp_is_skipped(tmp_path, stamp):
    (tmp_path / "a.log").write_text("line\n")
    (tmp_path / "a.log.times").write_text(f"{stamp}\n5 7.0\n")
    assert list(read_lines(tmp_path / "a.log")) == [(7.0, "line")]
