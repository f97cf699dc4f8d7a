"""Format exit codes and signals, and find them in text about other processes."""

from __future__ import annotations

import re
from signal import Signals

_SHELL_CODES = {126: "not executable", 127: "command not found"}
_FIRST_SIGNAL = 128
# `exit code 1`, `exit status -9`, `exitcode: -7`, `return code = 1`, `exited with 137`, `signal 9`.
EXIT_STATEMENT = (
    r"\b(?:exit|return)[ _]?(?:code|status)\b\s?(?:[:=]|of|is)?\s{0,2}-?\d{1,10}\b"
    r"|\bexited with (?:code |status )?-?\d{1,10}\b"
    r"|<Signals\.SIG[A-Z0-9]+: \d+>"
    r"|\bsignal[ :=]{1,3}\d{1,2}\b"
)
"""Text that states how a process ended."""
_STATEMENT = re.compile(EXIT_STATEMENT, re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+")


def exit_text(code: int) -> str:
    """Format an exit code: `exit code 2`, `exit code 127 (command not found)`, or `SIGSEGV` if negative."""
    if code < 0:
        return signal_name(code) or f"signal {-code}"
    meaning = _SHELL_CODES.get(code) or signal_name(code)
    return f"exit code {code} ({meaning})" if meaning else f"exit code {code}"


def signal_name(code: int) -> str:
    """Return the signal that an exit code means in Python (-11) or a shell (139); else empty."""
    number = -code if code < 0 else code - _FIRST_SIGNAL
    return Signals(number).name if number in set(Signals) else ""


def exit_in(text: str) -> str:
    """Return how a process ended according to `text`, formatted by `exit_text`; else empty."""
    match = _STATEMENT.search(text)
    if match is None:
        return ""
    number = int(_NUMBER.findall(match[0])[-1])
    return exit_text(-number if "signal" in match[0].lower() else number)
