"""Sanitise untrusted text: remove terminal control and invisible characters, mask secrets.

Everything read from logs, commits, reports and the network passes through here before it is kept or shown.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

from bisect_tool.secret_patterns import MASK, is_known, mask_known, mask_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Control sequences of ECMA-48. Bodies exclude their own introducers, so that matching is linear. Of a string
# (OSC, DCS, APC...) without an end, only the introducer is removed: dropping the rest would hide evidence.
_SEQUENCE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_DROPPED = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_BIDI}{_INVISIBLE}]")
_SEPARATOR = re.compile("\r\n|[\r\u2028\u2029]")
_UNPAIRED = re.compile("[\ud800-\udfff\ufffe\uffff]")
_SUSPECT = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff{_BIDI}{_INVISIBLE}]"
)

_SECRET_WORDS = {
    "TOKEN": r"\w*TOKENS?\d*",
    "SECRET": r"\w*SECRETS?\d*",
    "PASS": r"\w*PASSW(?:OR)?DS?\d*|\w*PASSPHRASE|\w*PASSCODE|(?:PG|SSH|DB|SMTP|MYSQL)?PASS\d*",
    "PWD": "PWD",
    "KEY": r"\w*KEYS?\d*",
    "CREDENTIAL": r"\w*CREDENTIALS?",
    "WEBHOOK": r"\w*WEBHOOKS?",
    "AUTH": "AUTH",
    "COOKIE": "COOKIES?",
    "JWT": "JWTS?",
    "PAT": "PAT",
    "BEARER": "BEARER",
}
"""The words of names that look secret, each below a stem that such a name contains."""
_SECRET_NAME = re.compile(rf"(?:^|_)(?:{'|'.join(_SECRET_WORDS.values())})(?:_|$)")
# `GIT_CONFIG_KEY_0` names a setting: git refuses to start without it if `GIT_CONFIG_COUNT` is set.
_NOT_SECRET = re.compile(r"(?:OLD)?PWD|SSH_AUTH_SOCK|GIT_CONFIG_KEY_\d+")
_SECRET_MIN = 6
_ENCODED_MIN = 8
_USERINFO = re.compile(r"(?<=://)[^/\s?#\"'<>]*@")
_ASSIGNED = re.compile(
    r"\b(?P<name>[A-Za-z]\w{0,80})(?P<mark>[\"']?\s?[:=]\s?)(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;}]+)"
)
_FULL_WIDTH = str.maketrans({"@": "\uff20", "#": "\uff03"})


def clean(text: str) -> str:
    """Return `text` (one or many lines) without terminal control, invisible or unencodable characters.

    Newlines and tabs stay; a lone carriage return and the Unicode line separators become a space, so that
    no line can be forged; lone surrogates become U+FFFD. Idempotent.
    """
    if not _SUSPECT.search(text):
        return text
    text = _SEQUENCE.sub("", text)
    text = _SEPARATOR.sub(lambda match: "\n" if match[0] == "\r\n" else " ", text)
    return _UNPAIRED.sub("\ufffd", _DROPPED.sub("", text))


def clean_line(text: str, limit: int = 2000) -> str:
    """Return `text` cleaned, on one line, at most `limit` characters long (an ellipsis marks a cut)."""
    line = clean(text[: 8 * limit]).replace("\n", " ").replace("\t", " ").rstrip()
    if len(line) <= limit and len(text) <= 8 * limit:
        return line
    return line[: limit - 1].rstrip(" …") + "…"


def inert_line(text: str, limit: int = 200) -> str:
    """Return `text` cleaned like `clean_line`, for a title or a message: it mentions no user and no issue.

    In Markdown, use a code span instead (`render/markdown.py`), which changes no character.
    """
    return clean_line(text, limit).translate(_FULL_WIDTH)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with secrets masked: those given, and all that are known by their form or name."""
    longest_first = sorted(secrets, key=len, reverse=True)
    for secret in longest_first:
        text = text.replace(secret, MASK)
    text = mask_known(text)
    for secret in longest_first:  # last: what is cut in two by a mask is no longer known by its form
        text = mask_pieces(text, secret)
    return _ASSIGNED.sub(_masked, text) if any(stem in text for stem in _SECRET_WORDS) else text


def secret_values(env: Mapping[str, str]) -> frozenset[str]:
    """Return the values to mask: of variables whose names look secret, tokens, and passwords in URLs.

    Values shorter than six characters are left out; each is returned in all forms that may be printed.
    """
    values = {value for name, value in env.items() if _is_secret_name(name) and not _is_count(name, value)}
    values |= {value for value in env.values() if is_known(value.strip())}
    values |= {password for value in env.values() for password in _url_passwords(value)}
    return frozenset(form for value in values for form in _forms(value) if len(form) >= _SECRET_MIN)


def _is_secret_name(name: str) -> bool:
    return not _NOT_SECRET.fullmatch(name.upper()) and bool(_SECRET_NAME.search(name.upper()))


def _is_count(name: str, value: str) -> bool:
    """Whether a variable is a number of tokens or keys, such as `MAX_TOKENS=131072`."""
    return name.upper().endswith(("TOKENS", "KEYS")) and value.strip().isdecimal()


def _url_passwords(value: str) -> Iterable[str]:
    for match in _USERINFO.finditer(value):
        password = match[0][:-1].partition(":")[2] or match[0][:-1]
        yield from (password, unquote(password))


def _forms(value: str) -> Iterable[str]:
    stripped = value.strip()
    yield from (
        stripped,
        quote(stripped, safe="", errors="surrogateescape"),
        quote(stripped, errors="surrogateescape"),
        quote_plus(stripped, errors="surrogateescape"),
        json.dumps(stripped)[1:-1],
        json.dumps(stripped)[1:-1].replace("/", "\\/"),
        repr(stripped)[1:-1],
        html.escape(stripped),
    )
    if len(stripped) >= _ENCODED_MIN:
        yield from _encoded(stripped.encode("utf-8", "surrogateescape"))
    yield from (line.strip() for line in stripped.splitlines() if len(line.strip()) >= 16)


def _encoded(value: bytes) -> Iterable[str]:
    """The forms in which a dump or a header has a value: hexadecimal, and base64 at any place of a text."""
    yield from (value.hex(), value.hex().upper())
    for before in range(3):
        encode = base64.b64encode(b"\0" * before + value)
        # Without the characters that depend on what stands before and after.
        inner = encode.rstrip(b"=")[(0, 2, 3)[before] : -1 if (before + len(value)) % 3 else None].decode()
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def _masked(match: re.Match[str]) -> str:
    # Lower-case names are code and prose (`max_tokens=5`, `key: value`), upper-case ones are variables.
    name, value = match["name"], match["value"]
    if not name.isupper() or not _is_secret_name(name) or len(value.strip("\"'")) < _SECRET_MIN:
        return match[0]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{name}{match['mark']}{mark}{MASK}{mark}"
