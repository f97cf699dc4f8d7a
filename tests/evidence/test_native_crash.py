"""Crashes that a library reports, in its own words and in those of a logger."""

from __future__ import annotations

from bisect_tool.evidence import LogLine, explain, read_events

RAY = "[2023-08-25 10:45:19,168 E 7 9] logging.cc:361:"


def failure_of(*texts):
    lines = [LogLine("log", 0.0, f"(RayWorker pid=7) {text}", number) for number, text in enumerate(texts, 1)]
    return explain(read_events(lines), None, {})


def crash(function, copied=True):
    said = [
        "*** SIGBUS received at time=1692931519 on cpu 133 ***",
        f"PC: @     0x7f60c5616291  (unknown)  {function}",
    ]
    copy = [f"{RAY} {text}" for text in said] if copied else []
    return [*said, *copy, "Fatal Python error: Bus error", ""]


def test_a_copy_in_the_logger_does_not_hide_the_crash():
    root = failure_of(*crash("__memset_avx2_erms")).root
    assert root.headline == "Fatal Python error: Bus error"
    assert [frame.function for frame in root.frames] == ["__memset"]


def test_processors_have_functions_of_their_own_and_the_same_signature():
    names = ("__memset_avx2_erms", "__memset_avx512_unaligned_erms", "__memset_sse2_unaligned", "__memset")
    assert len({failure_of(*crash(name)).signature for name in names}) == 1
    assert failure_of(*crash("__memset")).signature != failure_of(*crash("__memcpy")).signature


def test_a_record_that_another_one_replaces_is_kept():
    said = ["[ERROR] Traceback (most recent call last):", "[ERROR] Traceback (most recent call last):"]
    assert len(read_events([LogLine("log", 0.0, text) for text in said])) == 2
