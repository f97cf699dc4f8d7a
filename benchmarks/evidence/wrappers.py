"""Prefixes that log collectors and CI services put before every line; they must not change the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _each(form: Callable[[int, str], str]) -> Callable[[str], str]:
    """A wrapper that formats each line with its number."""

    def wrapped(text: str) -> str:
        return "\n".join(form(number, line) for number, line in enumerate(text.split("\n")))

    return wrapped


def _clock(number: int) -> str:
    return f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"


def _quoted(line: str) -> str:
    return line.replace('"', '""')


WRAPPERS: Mapping[str, Callable[[str], str]] = {
    "Kubernetes CRI": _each(lambda n, line: f"2026-03-06T{_clock(n)}.123456789Z stderr F {line}"),
    "+00:00": _each(lambda n, line: f"2026-03-06T{_clock(n)}+00:00 {line}"),
    "compose": _each(lambda _, line: f"engine-1  | {line}"),
    "compose, coloured": _each(lambda _, line: f"\x1b[36mengine-1  |\x1b[0m {line}"),
    "compose, stamped": _each(lambda n, line: f"engine-1  | 2026-03-06T{_clock(n)}.123456789Z {line}"),
    "BuildKit": _each(lambda n, line: f"#12 {n // 10}.{n % 10} {line}"),
    "[pod/x/y]": _each(lambda _, line: f"[pod/vllm-7d9f8c6b5d-x2x4z/engine] {line}"),
    "stern": _each(lambda _, line: f"vllm-7d9f8c6b5d-x2x4z engine {line}"),
    "journald": _each(lambda n, line: f"Mar 06 {_clock(n)} gpu7 vllm[4242]: {line}"),
    "journald, ISO": _each(lambda n, line: f"2026-03-06T{_clock(n)}+0000 gpu7 python3[4242]: {line}"),
    "GitLab": _each(lambda n, line: f"2026-03-06T{_clock(n)}.123456Z 01O {line}"),
    "GitHub Actions": _each(lambda n, line: f"2026-03-06T{_clock(n)}.1234567Z {line}"),
    "gh run view": _each(lambda n, line: f"tests\tRun tests\t2026-03-06T{_clock(n)}.1234567Z {line}"),
    "Buildkite, APC": _each(lambda n, line: f"\x1b_bk;t=17412{n:08}\x07{line}"),
    "Buildkite": _each(lambda n, line: f"[2026-03-06T{_clock(n)}Z] {line}"),
    "torchrun": _each(lambda _, line: f"[default3]:{line}"),
    "srun": _each(lambda _, line: f"3: {line}"),
    "quoted": _each(lambda _, line: f"> {line}"),
    "two stamps": _each(lambda n, line: f"2026-03-06T{_clock(n)}.1234567Z [2026-03-06T{_clock(n)}Z] {line}"),
    "date time,ms": _each(lambda n, line: f"2026-03-06 {_clock(n)},123 {line}"),
    "CloudWatch, CSV": _each(lambda n, line: f'{1772755200000 + n},"{_quoted(line)}",web/i-0a1b2c'),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "indented": _each(lambda _, line: f"    {line}"),
}
