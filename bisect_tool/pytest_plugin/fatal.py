"""Whether a line means that a server cannot come up: the evidence knows; imported when first needed."""

from __future__ import annotations


def is_fatal(line: str) -> bool:
    """Whether this one line says that the server that printed it cannot come up."""
    try:
        from bisect_tool import evidence  # noqa: PLC0415

        judge = evidence.is_fatal
    except (ImportError, AttributeError):
        return "failed due to an exception in a background process" in line
    return judge(line)
