"""Comments of HTML by which issues and comments of ours are found again. Pure.

An issue's body has a section of ours, with the fingerprint of its cause and the state that it was given last.
What people write before or after the section stays. The section quotes logs, in which a marker may be forged:
so the first marker of a body counts, and the last end of a section.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.results.nightly import Cause

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
    """The fingerprint of a cause; one that cannot be part of a name or a comment is hashed."""
    return _safe(cause.fingerprint)


def session_name(cause: Cause) -> str:
    """The session of a cause as the section has it, empty if there is none."""
    return cause.session and _safe(cause.session)


def standing(cause: Cause) -> str:
    """What is known of a cause, as a word that changes when people should be notified."""
    if cause.state == "fixed":
        return f"fixed-{cause.fixed_by[:_SHA] or 'unknown'}"
    if not cause.culprit:
        return CANDIDATES
    return f"{'culprit' if cause.proven else 'suspect'}-{cause.culprit[:_SHA]}"


def is_fixed(state: str) -> bool:
    """Whether a state of `standing` is that of a cause that was fixed."""
    return state.startswith("fixed-")


def search_text(name: str) -> str:
    """What a search of bodies has to find."""
    return f"bisect-run:{name}"


def section(cause: Cause, text: str) -> str:
    """The section of an issue's body."""
    lines = [f"<!-- bisect-run:{identifier(cause)} -->", f"<!-- bisect-run-state:{standing(cause)} -->"]
    if cause.session:
        lines.append(f"<!-- bisect-run-session:{session_name(cause)} -->")
    begin = "\n".join(lines)
    return f"{begin}\n\n{text.strip()}\n\n{_END}\n"


def section_name(body: str) -> str:
    """The fingerprint of the section in a body, empty if there is none."""
    found = _BEGIN.search(body)
    return found["name"] if found else ""


def section_session(body: str) -> str:
    """The session of the section in a body, empty if there is none."""
    found = _BEGIN.search(body)
    return (found["session"] or "") if found else ""


def section_state(body: str) -> str:
    """The state that the section in a body was given last, empty if there is no section."""
    found = _BEGIN.search(body)
    return found["state"] if found else ""


def section_rest(body: str) -> str:
    """What follows the first paragraph of the section in a body, empty if there is none."""
    body = body.replace("\r\n", "\n")
    found = _BEGIN.search(body)
    if found is None:
        return ""
    end = body.rfind(_END, found.end())
    text = body[found.end() : end if end >= 0 else None].strip()
    return text.partition("\n\n")[2]


def replace_section(body: str, new: str) -> str:
    """The body with another section; the text before and after it is kept."""
    body = body.replace("\r\n", "\n")
    found = _BEGIN.search(body)
    if found is None:
        return f"{body.rstrip()}\n\n{new}".lstrip()
    end = body.rfind(_END, found.end())
    after = body[end + len(_END) :].lstrip("\n") if end >= 0 else ""
    return f"{body[: found.start()]}{new}{after and chr(10)}{after}"


def comment(cause: Cause, text: str) -> str:
    """A comment that reports the state of a cause."""
    return f"<!-- bisect-run:{identifier(cause)} {standing(cause)} -->\n\n{text.strip()}\n"


def told_state(comments: Iterable[str], cause: Cause) -> str:
    """The state of a cause in the last comment on it, empty without one."""
    found = (_COMMENT.match(each) for each in comments)
    states = [match[2] for match in found if match and match[1] == identifier(cause)]
    return states[-1] if states else ""


def _safe(name: str) -> str:
    """The name as part of a comment or of a file's name: hashed if it cannot be."""
    if re.fullmatch(_NAME, name):
        return name
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
