"""Texts are written completely, even if a descriptor takes only parts at once."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

import pytest

from bisect_tool.terminal import whole_writes, writer
from bisect_tool.terminal.whole_writes import whole

TEXT = "0123456789ä\n" * 100_000
"""Longer than any pipe."""


@pytest.fixture
def pipe():
    """The read end of a pipe, and a stream that writes to the other, which does not block."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield reader, stream


def test_slow_reader_of_a_non_blocking_pipe_gets_the_whole_text(pipe):
    reader, stream = pipe
    with ThreadPoolExecutor() as pool, redirect_stdout(stream), writer.unfailing() as stdout:
        read = pool.submit(reader.read, len(TEXT.encode()))
        writer.write(TEXT)
    assert stdout.failure is None
    assert read.result() == TEXT.encode()


def test_reader_that_stopped_reading_is_a_failure(pipe, monkeypatch):
    monkeypatch.setattr(whole_writes, "READER_S", 0.05)
    with redirect_stdout(pipe[1]), writer.unfailing() as stdout:
        writer.write(TEXT)
    assert isinstance(stdout.failure, TimeoutError)


def test_stream_without_a_descriptor_is_left_as_it_is():
    stream = io.StringIO()
    assert whole(stream) is stream
    assert whole(None) is None
