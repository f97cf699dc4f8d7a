"""Parsing, formatting and measuring sizes."""

from __future__ import annotations

import os

import pytest

from bisect_tool.disk_usage.size import format_size, parse_size, size_on_disk
from bisect_tool.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1000B", 1000),
        ("4k", 4096),
        ("1.5 GiB", 3 * 2**29),
        ("50G", 50 * 2**30),
        ("50GB", 50 * 2**30),
        (" 2T ", 2**41),
    ],
)
def test_parse_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "50 elephants", "1e3", "5iB", "1,5G", "0x10"])
def test_invalid_size_is_rejected(text):
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (312 * 2**20, "312 MiB"),
        (int(1.5 * 2**20), "1.5 MiB"),
        (50 * 2**30, "50.0 GiB"),
        (3 * 2**40, "3.0 TiB"),
    ],
)
def test_format_size(size, text):
    assert format_size(size) == text


def test_file_with_two_hard_links_counts_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(os.urandom(100_000))
    before = size_on_disk([tmp_path])
    os.link(tmp_path / "a" / "one", tmp_path / "a" / "two")
    assert before >= 100_000
    assert size_on_disk([tmp_path]) == before


def test_links_are_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(os.urandom(100_000))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("../elsewhere")
    assert size_on_disk([tmp_path / "folder"]) < 100_000


def test_missing_path_has_no_size(tmp_path):
    assert size_on_disk([tmp_path / "gone"]) == 0
