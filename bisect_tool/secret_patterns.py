"""Mask secrets by their form, or by what stands before them, even if no variable has them.

A rule is tried only on text that contains one of its words: most lines contain none, and searching for words
is much cheaper than matching. Repetitions are bounded, so that matching takes linear time.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MASK: Final = "***"
_PIECE_MIN = 8
_BROKEN_MIN = 2 * _PIECE_MIN

# Not inside a word; but an escaped newline or character may stand before it.
_START = r"(?:(?<![\w-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
_TOKENS = {
    **{f"gh{kind}_": rf"gh{kind}_[\w.-]{{10,}}" for kind in "opusr"},
    "github_pat_": r"github_pat_\w{10,}",
    "hf_": r"hf_[A-Za-z0-9]{20,}",
    "api_org_": r"api_org_[A-Za-z0-9]{20,}",
    **{
        f"{kind}-": rf"{kind}-[\w.-]{{10,}}" for kind in ("glpat", "gldt", "glrt", "glcbt", "glptt", "glsoat")
    },
    "gr1348941": r"GR1348941[\w-]{10,}",
    "xox": r"xox(?:[a-z]-|e\.xox[a-z]-)[\w-]{10,}",
    "xapp-": r"xapp-[\w-]{10,}",
    ":aa": r"(?<!\d)\d{6,12}:AA[\w-]{30,}",
    "akia": r"AKIA[A-Z0-9]{16}",
    "asia": r"ASIA[A-Z0-9]{16}",
    "aiza": r"AIza[\w-]{35}",
    "ya29.": r"ya29\.[\w.-]{20,}",
    "gocspx-": r"GOCSPX-[\w-]{20,}",
    "npm_": r"npm_[A-Za-z0-9]{30,}",
    "pypi-a": r"pypi-A[\w-]{16,}",
    "dckr_": r"dckr_[a-z]{3}_[\w-]{10,}",
    "sk-": rf"{_START}sk-(?:[a-z]{{2,10}}-[\w-]{{20,}}|[A-Za-z0-9]{{20,}})",
    "nvapi-": r"nvapi-[\w-]{20,}",
    "gsk_": r"gsk_[A-Za-z0-9]{20,}",
    "wandb_v1_": r"wandb_v1_\w{20,}",
    **{f"bk{kind}_": rf"bk{kind}_[0-9a-f]{{20,}}" for kind in ("ua", "aj", "ct")},
    "hvs.": r"hvs\.[\w-]{20,}",
    "dapi": r"dapi[0-9a-f]{32}",
    "atatt3": r"ATATT3[\w=.-]{20,}",
    "ccipat_": r"CCIPAT_\w{20,}",
    "rubygems_": r"rubygems_[0-9a-f]{20,}",
    "lin_api_": r"lin_api_[A-Za-z0-9]{20,}",
    "shpat_": r"shpat_[0-9a-f]{20,}",
    "dop_v1_": r"dop_v1_[0-9a-f]{20,}",
    "r8_": rf"{_START}r8_[A-Za-z0-9]{{30,}}",
    "sg.": rf"{_START}SG\.[\w-]{{16,}}\.[\w-]{{16,}}",
    ".atlasv1.": r"\w{14}\.atlasv1\.[\w-]{20,}",
    "age-secret-key-": r"AGE-SECRET-KEY-\w{20,}",
    "k_live_": r"[rs]k_live_[A-Za-z0-9]{16,}",
    "eyj": r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}",
}
"""The tokens of well-known services, each below a text of it in lower case; `eyJ` begins a JSON web token."""

# The password of a URL; one that holds `/`, `?` or `#` should have been quoted. Behind a port is a path.
_USERINFO = r"(?P<before>://)[^/\s?#\"'<>]*(?=@)"
_ODD_USERINFO = (
    r"(?P<before>://)[^/\s?#\"'<>@:\[\]]{0,100}+:(?!\d{1,5}[/?#])[^\s\"'<>@]{1,200}+(?:@[^\s\"'<>@/?#]{1,99}){0,3}"
    r"(?=@)"
)
_QUERY = (
    r"(?P<before>[?&;](?:(?:x-(?:amz|goog)-)?(?:signature|credential|security-token)|sig|(?:api_?|access_)key"
    r"|(?:[a-z]{1,20}[_-])?(?:token|passw(?:or)?d|secret)|key(?==[^&\s#\"'<>]{16}))=)[^&\s#\"'<>]+"
)
# Who knows the address of a webhook can post. Hosts; then paths of Discord, Mattermost, Feishu and others: a
# page about webhooks has no long word with a digit behind such a path.
_WEBHOOK = (
    r"(?P<before>://(?:hooks\.[\w.-]{1,80}(?::\d+)?/|[\w-]{1,80}\.webhook\.office\.com/|api\.telegram\.org/bot"
    r"|maker\.ifttt\.com/trigger/[^/\s]{1,80}/(?:json/)?with/key/"
    r"|[\w.:-]{1,99}/(?:[\w.-]{1,30}/){0,4}?(?:web)?hooks?/"
    r"(?=[\w./-]{0,40}?(?=[a-z_-]{0,40}\d)[\w-]{16})))[^\s\"'<>)\]]+"
)

_BEARER = r"(?P<before>\b(?:bearer|basic) )[\w.~+/=-]{6,}"
_HEADER = (
    r"(?P<before>\b(?:authorization[\"']?\s?[:=]\s?[\"']?token\s|(?:x-[a-z-]{0,30}|private-|job-|deploy-)"
    r"(?:key|token|secret)[\"']?\s?[:=]\s?[\"']?))[^\s\"',;]{6,}"
)
_LONG_HEADER = (
    r"(?P<before>\b(?:authorization[\"']?\s?[:=]\s?[\"']?(?:digest|aws4-hmac-sha256)\s"
    r"|cookie[\"']?\s?[:=]\s?[\"']?(?=[\w.-]{1,80}=)))[^'\n]{6,}"
)

# Names in code, prose and JSON: without quotes, a value has to look random, as a word may follow.
_PASSWORDS = ("password", "passwd", "passphrase", "passcode", "secret", "credential")
_KEYS = ("api", "access", "account", "private", "secret", "auth")
_HOLDERS = (*_KEYS, "refresh", "bearer", "bot", "deploy", "job", "session", "hf", "github", "gitlab", "slack")
_NAME = (
    rf"(?:{'|'.join(_PASSWORDS)}|(?:{'|'.join(_KEYS)})[_-]?key(?:[_-]?id)?"
    rf"|(?:{'|'.join(_HOLDERS)})[_-]?token)s?"
)
_NAME_WORDS = (
    *_PASSWORDS,
    *(f"{kind}{dash}key" for kind in _KEYS for dash in ("_", "-", "")),
    *(f"{kind}{dash}token" for kind in _HOLDERS for dash in ("_", "-", "")),
)
_NAMED = (
    rf"(?P<before>{_NAME}\\?[\"']?(?:=|\s?[:=]\s?)\[?(?P<quote>\\?[\"'])?)(?![*$<{{])"
    r"(?(quote)[^\"'\\\n]{6,}|(?=[\w.~+/-]{0,60}(?-i:\d|[a-z][A-Z]))(?![\w.]{0,80}[(\[])[^\s\"'`,;)\]}\\]{8,})"
)
_OPTION = (
    rf"(?P<before>(?<![\w-])--(?:(?:[a-z]{{1,20}}-)?{_NAME}|token)(?:=|[\"']?[ ,]\s?)(?P<quote>[\"'])?)"
    r"(?![*$<{\[-])(?(quote)[^\"'\n]{6,}|[^\s\"']{6,})"
)
_LOGIN = (
    r"(?P<before>\s(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"']{1,100}:(?!\d+\b)"
    r"|\blogin\s\S{1,100}\spassword\s)[^\s\"']{6,}"
)

# Each line of a private key may stand behind a time, and either end of the key may be cut off.
_KEY_END = re.compile(r"(-----(?:BEGIN|END) [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----)")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9+/]{2,15}={1,2}")
_KEY_LIMIT = 10_000
# PEM and OpenSSH have lines of such lengths. A line alone is masked if it has all kinds of characters.
_KEY_LINE = (
    r"(?:(?<![\w+/=.-])|(?<=\\n))(?=[a-z\d+/]{0,70}[A-Z])(?=[A-Z\d+/]{0,70}[a-z])(?=[A-Za-z+/]{0,70}\d)"
    r"[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{6})?(?![\w+/=.-])"
)


class _Rule(NamedTuple):
    """Mask what `pattern` matches after its group `before`, in text that has one of `words` in lower case."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _rule(pattern: str, *words: str) -> _Rule:
    return _Rule(words, re.compile(pattern, re.IGNORECASE))


_RULES = (
    _rule(_USERINFO, "@"),
    _rule(_ODD_USERINFO, "@"),
    _rule(_QUERY, "://"),
    _rule(_WEBHOOK, "hook", "telegram", "ifttt"),
    _Rule(tuple(_TOKENS), re.compile(f"(?P<before>)(?:{'|'.join(_TOKENS.values())})")),
    _rule(_BEARER, "bearer ", "basic "),
    _rule(_HEADER, "authorization", "-key", "-token", "-secret"),
    _rule(_LONG_HEADER, "authorization", "cookie"),
    _rule(_NAMED, *_NAME_WORDS),
    _rule(_OPTION, "--"),
    _rule(_LOGIN, "curl ", "password "),
)
_KEY_LINES = _Rule((), re.compile(_KEY_LINE))


def mask_known(text: str) -> str:
    """Return `text` with everything masked that is a secret by its form, or by what stands before it."""
    lower = text.lower()
    for words, pattern in _RULES:
        if any(word in lower for word in words):
            text = pattern.sub(_keep_before, text)
    if "private key" in lower:
        text = _mask_keys(text)
    return _KEY_LINES.pattern.sub(MASK, text)


def is_known(text: str) -> bool:
    """Whether `text` is nothing but a token, or the address of a webhook."""
    masked = mask_known(text)
    return masked == MASK or (masked.startswith("https://") and masked.endswith(f"/{MASK}"))


def mask_pieces(text: str, secret: str) -> str:
    """Return `text` without what a break of lines in the middle of `secret` leaves on either side.

    A piece of less than eight characters stays, and so do those of a path, which other paths begin with.
    """
    if len(secret) < _BROKEN_MIN or secret.startswith(("/", "~")):
        return text
    if secret[:_PIECE_MIN] not in text and secret[-_PIECE_MIN:] not in text:
        return text
    return "\n".join(_without_pieces(line, secret) for line in text.split("\n"))


def _without_pieces(line: str, secret: str) -> str:
    start = line.rfind(secret[:_PIECE_MIN])
    if start >= 0 and secret.startswith(line[start:].rstrip()):
        line = line[:start] + MASK
    end = line.find(secret[-_PIECE_MIN:]) + _PIECE_MIN
    piece = line[:end].lstrip()
    if end >= _PIECE_MIN and secret.endswith(piece):
        line = line[: end - len(piece)] + MASK + line[end:]
    return line


def _keep_before(match: re.Match[str]) -> str:
    return f"{match['before']}{MASK}"


def _mask_keys(text: str) -> str:
    parts = _KEY_END.split(text)
    ends = range(1, len(parts), 2)
    for at in ends:
        if "BEGIN" in parts[at]:
            after = parts[at + 1]
            parts[at + 1] = _KEY_TEXT.sub(MASK, after[:_KEY_LIMIT]) + after[_KEY_LIMIT:]
        else:
            before = parts[at - 1]
            parts[at - 1] = before[:-_KEY_LIMIT] + _KEY_TEXT.sub(MASK, before[-_KEY_LIMIT:])
    return "".join(parts)
