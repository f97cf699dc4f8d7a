"""Crashes that a library reports, directly and through a logger."""

from __future__ import annotations

from bisect_tool.evidence import LogLine, explain, read_events

RAY = "[2023-08-25 10:45:19,168 E 7 9] logging.cc:361:"


def failure_of(*texts):
    lines = [LogLine("log", 0.0, f"(RayWorker pid=7) {text}", number) for number, text in enumerate(texts, 1)]
    return explain(read_events(lines), None, {})


def crash(function, copied=True):
    texts = [
        "*** SIGBUS received at time=1692931519 on cpu 133 ***",
        f"PC: @     0x7f60c5616291  (unknown)  {function}",
    ]
    copy = [f"{RAY} {text}" for text in texts] if copied else []
    return [*texts, *copy, "Fatal Python error: Bus error", ""]


def test_logged_copy_does_not_hide_the_crash():
    root = failure_of(*crash("__memset_avx2_erms")).root
    assert root.headline == "Fatal Python error: Bus error"
    assert [frame.function for frame in root.frames] == ["__memset"]


def test_signature_ignores_the_variant_of_a_function_for_a_processor():
    names = ("__memset_avx2_erms", "__memset_avx512_unaligned_erms", "__memset_sse2_unaligned", "__memset")
    assert len({failure_of(*crash(name)).signature for name in names}) == 1
    assert failure_of(*crash("__memset")).signature != failure_of(*crash("__memcpy")).signature


def test_replaced_record_is_kept():
    texts = ["[ERROR] Traceback (most recent call last):", "[ERROR] Traceback (most recent call last):"]
    assert len(read_events([LogLine("log", 0.0, text) for text in texts])) == 2
