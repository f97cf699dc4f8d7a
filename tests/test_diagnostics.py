"""The diagnostic log: its place and masking; it never ends a session."""

from __future__ import annotations

import logging
import os
import re
import time

import pytest

from bisect_tool import diagnostics
from bisect_tool.diagnostics import LOG_FILE, LOGGER, log_command, open_log, recording, set_level
from bisect_tool.errors import UsageError

log = logging.getLogger("bisect_run.test")


@pytest.fixture
def folder(tmp_path):
    """A session's folder, inside `recording`."""
    with recording():
        set_level({})
        yield tmp_path


def written(folder):
    return (folder / LOG_FILE).read_text(encoding="utf-8")


def test_line_has_time_level_area_thread_and_message(folder):
    open_log(folder)
    log.info("tested %s", "abc")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO bisect_run\.test \[MainThread\] tested abc\n",
        written(folder),
    )


def test_lines_from_before_the_session_come_first(folder):
    log.debug("first")
    open_log(folder)
    log.debug("second")
    assert [line.split()[-1] for line in written(folder).splitlines()] == ["first", "second"]


def test_last_lines_before_the_session_are_kept(folder):
    for number in range(diagnostics._EARLY_LIMIT + 1):
        log.debug("%d", number)
    open_log(folder)
    lines = written(folder).splitlines()
    assert len(lines) == diagnostics._EARLY_LIMIT
    assert lines[0].endswith(" 1")


def test_resuming_appends(tmp_path):
    for number in range(2):
        with recording() as recorder:
            set_level({})
            open_log(tmp_path)
            open_log(tmp_path)  # once more changes nothing
            log.info("run %d", number)
            assert recorder.path == tmp_path / LOG_FILE
    assert [line[-5:] for line in written(tmp_path).splitlines()] == ["run 0", "run 1"]


def test_session_within_a_session_writes_to_both_logs(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    with recording() as recorder:
        set_level({})
        open_log(tmp_path)
        log.info("one")
        open_log(inner)
        log.info("two")
        assert recorder.path == inner / LOG_FILE
    assert written(tmp_path).count("\n") == 2
    assert written(inner).count("\n") == 1


def test_recording_leaves_no_handler(tmp_path):
    before = LOGGER.handlers[:]
    with recording():
        set_level({})
        open_log(tmp_path)
    log.error("late")
    open_log(tmp_path)  # nothing records: it opens nothing
    assert LOGGER.handlers == before
    assert LOGGER.level == logging.NOTSET
    assert written(tmp_path) == ""


@pytest.mark.parametrize(
    ("name", "levels"),
    [("", 4), ("debug", 4), ("INFO", 3), (" warning ", 2), ("error", 1)],
)
def test_level_filters_lower_records(folder, name, levels):
    set_level({"BISECT_RUN_LOG_LEVEL": name})
    open_log(folder)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(level, "logged")
    assert written(folder).count("logged") == levels


def test_unknown_level_is_a_usage_error():
    with pytest.raises(UsageError, match="invalid BISECT_RUN_LOG_LEVEL: 'loud'") as error:
        set_level({"BISECT_RUN_LOG_LEVEL": "loud\x1b[2J"})
    assert error.value.hint == "Use one of debug, info, warning, error."


def test_secrets_and_control_characters_are_masked(folder, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "s3cr3t-value")
    open_log(folder)
    log.info("cloning https://me:pass@host/x with s3cr3t-value\x1b[2J\x07 and PASSWORD=hunter2")
    text = written(folder)
    assert "cloning https://***@host/x with *** and PASSWORD=***\n" in text


def test_lines_of_a_message_do_not_look_like_records(folder):
    open_log(folder)
    log.info("one\n2026-01-01T00:00:00.000Z ERROR forged\rtwo")
    assert [line[:4] for line in written(folder).splitlines()[1:]] == ["    "]


def test_long_record_is_truncated(folder):
    open_log(folder)
    log.info("x" * 100_000)
    assert len(written(folder)) < 20_000


def test_full_file_is_rotated_once(folder, monkeypatch):
    monkeypatch.setattr(diagnostics, "_FILE_LIMIT", 500)
    open_log(folder)
    for number in range(50):
        log.info("number %d", number)
    assert written(folder).endswith("number 49\n")
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [LOG_FILE, f"{LOG_FILE}.1"]
    assert all(file.stat().st_size < 700 for file in files)


def test_log_that_cannot_be_opened_is_skipped(tmp_path, folder):
    missing = tmp_path / "missing"
    open_log(missing)
    open_log(folder)
    assert f"WARNING bisect_run [MainThread] cannot write {missing / LOG_FILE}" in written(folder)


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_only_a_regular_file_is_logged_to(tmp_path, kind):
    """A trial may have made it; a pipe without a reader would never open."""
    other = tmp_path / "other"
    other.write_text("theirs")
    if kind == "pipe":
        os.mkfifo(tmp_path / LOG_FILE)
    else:
        (tmp_path / LOG_FILE).symlink_to(other)
    with recording():
        open_log(tmp_path)
        LOGGER.warning("a line")
    assert other.read_text() == "theirs"


def test_full_disk_does_not_end_the_session(folder, capsys):
    (folder / LOG_FILE).symlink_to("/dev/full")
    open_log(folder)
    log.info("lost")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("code", "output", "shown"),
    [
        (0, "", "git log 'a b': exit code 0, "),
        (-9, "", "git log 'a b': exit code -9, "),
        (None, "", "git log 'a b': timed out, "),
        (128, "fatal: bad\nhint: name another", " s: fatal: bad: hint: name another\n"),
    ],
)
def test_command_is_logged_with_its_exit_code(folder, code, output, shown):
    open_log(folder)
    log_command(log, ("git", "log", "a b"), code, time.monotonic(), output)
    assert shown in written(folder)


def test_long_command_is_cut_between_words(folder, monkeypatch):
    """A part of a secret would not be masked."""
    monkeypatch.setenv("API_TOKEN", "s3cr3t-value" * 50)
    open_log(folder)
    log_command(log, ("x", *["word"] * 48, "s3cr3t-value" * 50, "y"), 0, time.monotonic())
    assert "word *** ...: exit code 0" in written(folder)


def test_other_handlers_get_no_records(caplog):
    with recording():
        logging.getLogger("bisect_run.test").warning("a word that is no text: \udcff")
    assert not caplog.records
    logging.getLogger("bisect_run.test").warning("after it")
    assert caplog.messages == ["after it"]
