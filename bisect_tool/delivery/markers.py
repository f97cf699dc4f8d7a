"""HTML comments that mark our issues and comments. Pure.

The body of an issue has a section of ours, with the fingerprint of its cause and the last state. Text before
and after the section is kept. The section quotes logs, which may contain forged markers: so the first start
marker of a body counts, and the last end marker.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.json_document.nightly import Cause

_NAME = r"[0-9A-Za-z_.-]{1,80}"
_EOL = r"[ \t]*\r?\n"
_BEGIN = re.compile(
    rf"^<!-- bisect-run:(?P<name>{_NAME}) -->{_EOL}<!-- bisect-run-state:(?P<state>{_NAME}) -->"
    rf"(?:{_EOL}<!-- bisect-run-session:(?P<session>{_NAME}) -->)?",
    re.MULTILINE,
)
CANDIDATES = "candidates"
_END = "<!-- /bisect-run -->"
_COMMENT = re.compile(rf"\s*<!-- bisect-run:({_NAME}) ({_NAME}) -->")
_SHA = 12


def identifier(cause: Cause) -> str:
    """Return the fingerprint of a cause, hashed if it cannot be part of a file name or comment."""
    return _safe(cause.fingerprint)


def session_name(cause: Cause) -> str:
    """Return the session of a cause as written in the section, or empty."""
    return cause.session and _safe(cause.session)


def cause_state(cause: Cause) -> str:
    """Return the state of a cause as one word; people are notified when it changes."""
    if cause.state == "fixed":
        return f"fixed-{cause.fixed_by[:_SHA] or 'unknown'}"
    if not cause.culprit:
        return CANDIDATES
    return f"{'culprit' if cause.proven else 'suspect'}-{cause.culprit[:_SHA]}"


def is_fixed(state: str) -> bool:
    """Whether a state is that of a fixed cause."""
    return state.startswith("fixed-")


def search_text(name: str) -> str:
    """Return the text to search for in bodies."""
    return f"bisect-run:{name}"


def section(cause: Cause, text: str) -> str:
    """Return our section of an issue's body."""
    lines = [f"<!-- bisect-run:{identifier(cause)} -->", f"<!-- bisect-run-state:{cause_state(cause)} -->"]
    if cause.session:
        lines.append(f"<!-- bisect-run-session:{session_name(cause)} -->")
    begin = "\n".join(lines)
    return f"{begin}\n\n{text.strip()}\n\n{_END}\n"


def section_name(body: str) -> str:
    """Return the fingerprint of the section in a body, or empty."""
    found = _BEGIN.search(body)
    return found["name"] if found else ""


def section_session(body: str) -> str:
    """Return the session of the section in a body, or empty."""
    found = _BEGIN.search(body)
    return (found["session"] or "") if found else ""


def section_state(body: str) -> str:
    """Return the state in the section of a body, or empty."""
    found = _BEGIN.search(body)
    return found["state"] if found else ""


def section_rest(body: str) -> str:
    """Return the section of a body without its first paragraph, or empty."""
    body = body.replace("\r\n", "\n")
    found = _BEGIN.search(body)
    if found is None:
        return ""
    end = body.rfind(_END, found.end())
    text = body[found.end() : end if end >= 0 else None].strip()
    return text.partition("\n\n")[2]


def replace_section(body: str, new: str) -> str:
    """Replace the section of a body; the text before and after it is kept."""
    body = body.replace("\r\n", "\n")
    found = _BEGIN.search(body)
    if found is None:
        return f"{body.rstrip()}\n\n{new}".lstrip()
    end = body.rfind(_END, found.end())
    after = body[end + len(_END) :].lstrip("\n") if end >= 0 else ""
    return f"{body[: found.start()]}{new}{after and chr(10)}{after}"


def comment(cause: Cause, text: str) -> str:
    """Return a comment that reports the state of a cause."""
    return f"<!-- bisect-run:{identifier(cause)} {cause_state(cause)} -->\n\n{text.strip()}\n"


def commented_state(comments: Iterable[str], cause: Cause) -> str:
    """Return the state of a cause in the last comment on it, or empty."""
    found = (_COMMENT.match(each) for each in comments)
    states = [match[2] for match in found if match and match[1] == identifier(cause)]
    return states[-1] if states else ""


def _safe(name: str) -> str:
    """Return the name, hashed if it cannot be part of a comment or file name."""
    if re.fullmatch(_NAME, name):
        return name
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
