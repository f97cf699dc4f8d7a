"""The examples at the end of a command's help."""

from __future__ import annotations


def epilog(*examples: str) -> str:
    r"""Format command lines as the epilog of a help text; `\b` keeps click from rewrapping them."""
    return "\n".join(("\b", "Examples:", *(f"  {example}" for example in examples)))
