"""Parse a line into writer, level, time stamp and text.

Recognises the formats of serving engines, Ray, torch's and glog's C++ logging, NCCL, launchers, uvicorn,
pytest's reports, and the usual configurations of Python's logging, loguru and structlog. A scenario may add
the format of its engine (`LineFormat`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bisect_tool.evidence.crash import is_of_crash
from bisect_tool.evidence.line_format import JSON_LINES
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.evidence.prefix import Prefix, collector_prefix, without_row
from bisect_tool.evidence.traceback import is_of_traceback, is_within_traceback
from bisect_tool.parse_untrusted import parse_json
from bisect_tool.sanitise import clean, clean_line

if TYPE_CHECKING:
    from bisect_tool.evidence.line_format import Parts
    from bisect_tool.evidence.patterns import Patterns

LINE_LIMIT = 2000
JSON_LIMIT = 200_000
ROLE_LIMIT = 60
_LONG = 1000
LAUNCHER, TEST = "Launcher", "Test"

# A process may print after a pytest mark or a progress bar, on the same line.
_GLUED_TEXT = (
    r"(?:(?:\S+::\S+\s+)?(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|[.FEsx])?\s*(?:\[\s*\d+%\])?\s*"
    r"|[^|(]{0,200}\|[^|]{0,200}\|[^\]]{0,100}\]\s*)"
)
# `(Worker_DP0 pid=7)`, `(Worker rank=1 pid=7)`, `(Worker TP0 pid=7)`, Ray's `(Actor.run pid=7, ...)`
# and `(pid=7)`.
_PREFIX = re.compile(
    r"\((?:(?P<role>[A-Za-z][\w.:-]*)(?P<ranks>(?: [A-Za-z]{1,8}\d+)*)(?: rank=\d+)?,? )?"
    r"pid=(?P<pid>\d{1,9})[^)]{0,80}\) ?"
)
_FIRST_PREFIX = re.compile(f"{_GLUED_TEXT}{_PREFIX.pattern}")
_LEVEL = r"(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)"
_BEFORE_HEAD = re.compile(rf"{_GLUED_TEXT}(?:collecting \.\.\. )?(?={_LEVEL} \d\d-\d\d \d\d:)")
# A progress line's dots, or the test that `-v` names.
_BEFORE_CRASH = re.compile(
    r"(?:[.FEsx]+|\S+::.{1,300}? )(?=(?:Fatal Python error|Windows fatal exception): )"
)
_RANK = re.compile(r"\[(?:default(?P<local>\d+)\]:|rank(?P<rank>\d+)\]: ?)")
_SOME_STAMP = "-"
# Numbers in a prefix that are not part of a name, such as times.
_UNNAMED = re.compile(r"(?<![\w=#-])[\d:.,/-]+(?!\w)")
_PYTEST_MARGIN = re.compile(r"E {2,}")
_XDIST = re.compile(r"\[(?P<role>gw\d+)\] (?=node down|\S+ -- Python)")

_CLOCK = r"\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?"
_DATE_TIME = rf"\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?: ?(?:Z|[+-]\d\d:?\d\d))?"
_US_TIME = rf"\d\d/\d\d/\d{{4}}-{_CLOCK}"
_WORD = r'(?:"[^"]*"|\S+)'
_PLACE = r"\[?(?P<place>[\w./-]+\.\w+):\d+\]"
_BRACKETS = r"(?:\[[^\]\[]{1,80}\] ?){0,3}"
# The blanks after a level, without the indentation of a traceback.
_BLANKS = r"(?: (?= {2}File \")| {1,8}(?=\S))"
# torch.compile adds its frame and attempt: `torch/a.py:539] [1/0] m`.
_GLOG_PLACE = r"[\w./-]+\.\w+:\d+\] ?(?:\[[\d-]+/[\d-]+(?:_\d+)?\] ?)?"
_HEADS = (
    # `ERROR 06-10 16:45:05 [core.py:170] m`, without bracket or seconds in older ones.
    rf"(?P<placed>{_LEVEL}) (?P<placed_time>\d\d-\d\d {_CLOCK}) {_PLACE} ?",
    # glog, with a bracket before it in torch: `[E124 10:02:26.9 ProcessGroupNCCL.cpp:607] m`.
    rf"\[?(?P<glog>[DIWEF])(?P<glog_time>(?:\d{{8}}|\d{{3,4}}) {_CLOCK}) (?: *\d+ )*{_GLOG_PLACE}",
    # TensorRT-LLM: `[11/21/2024-10:26:10] [TRT-LLM] [RANK 0] [E] m`.
    rf"\[(?P<trt_time>{_US_TIME})\] \[[\w-]+\] (?:\[RANK (?P<trt_rank>\d+)\] )?\[(?P<trt>[DIWEF])\] ",
    # TensorFlow: `2026-01-05 10:00:05.12: E external/xla/cuda_driver.cc:1090] m`.
    rf"(?P<tf_time>{_DATE_TIME}): (?P<tf>[IWEF]) [\w./+-]+\.\w+:\d+\] ",
    # Spring Boot: `ERROR 1 --- [main] o.s.boot.SpringApplication : m`.
    rf"(?P<spring>{_LEVEL}) (?P<spring_pid>\d{{1,9}}) --- (?:\[[^\]]{{0,80}}\] ){{1,2}}\S+ +: ",
    # Ray's C++: `[2025-04-02 15:02:00,117 E 135782 135782] (raylet) node_manager.cc:3069: m`.
    rf"\[(?P<ray_time>{_DATE_TIME}) (?P<ray>[C-FIW]) \d+ \d+\] (?:\((?P<ray_role>[\w ]+)\) )?[\w./-]+:\d+: ?",
    # Rust's env_logger: `[2026-01-01T00:00:00Z ERROR module] m`.
    rf"\[(?P<env_time>{_DATE_TIME}) +(?P<env>{_LEVEL}) [^\]]{{0,80}}\] ",
    # llama.cpp: the time since the start, `0.13.300.101 E m`.
    r"\d{1,6}\.\d\d\.\d{3}\.\d{3} (?P<ggml>[DIWE]) ",
    # Ranks after the time: `[2026-05-26 15:19:18 PP1 ATTN_CP3 TP3] m`.
    rf"\[(?P<ranked_time>{_DATE_TIME})(?P<ranked>(?: [A-Z_]{{2,8}}\d+)*)\] (?!\[)",
    # NCCL: `host:3966:3980 [0] NCCL WARN m`.
    r"[\w.-]+:(?P<nccl_pid>\d{1,9}):\d+ \[(?P<nccl_rank>\d+)\] (?:(?P<nccl_place>\S+):\d+ )?NCCL (?P<nccl>[A-Z]+) ?(?:\S+:\d+ )?",  # noqa: E501
    # UCX: `[1588766574.1] [host:3966:0] sock.c:325 UCX  ERROR m`.
    rf"(?:\[1\d{{9}}\.\d+\] +)?\[[\w.-]+:(?P<ucx_pid>\d{{1,9}})(?::\d+)+\] +[\w.-]+:\d+ +(?:UCX +(?P<ucx>{_LEVEL}) +)?",  # noqa: E501
    # Brackets: `[...] [ERROR] [launch.py:321:main] m`, `[ERROR] m`.
    rf"{_BRACKETS}\[ ?(?P<bracket>{_LEVEL}|{_LEVEL.lower()}) *\] ?{_BRACKETS}:? ?",
    # loguru, and loggers with bars: `| ERROR    | module:function:12 - m`, `| ERROR | stderr | m`.
    rf"\| (?P<bar>{_LEVEL}) +\| (?P<bar_name>[^|]{{1,120}}?) (?:-|\|)(?: |$)",
    # logging: `- name - ERROR - m`, `ERROR:root:m`, `ERROR [name] m`, `ERROR name: m`, `ERROR in app: m`.
    rf"- (?P<dash_name>[^ ]{{1,120}}) - (?P<dash>{_LEVEL}) -(?: |$)",
    rf"(?P<colon>{_LEVEL}):[\w.-]{{1,80}}: ?(?=\S)",
    # `ERROR:    m`, `[name] FATAL: m`; not what unittest prints above a traceback: `ERROR: test_a (m.Case)`.
    rf"(?:\[[\w.:-]{{1,60}}\] )?(?P<uvicorn>{_LEVEL}):{_BLANKS}(?!\w+ \([\w.]+\)$)",
    # What a CI service marks: `##[error]m`, `[taskcluster:error] m`.
    r"(?:##\[|\[taskcluster:)(?P<marked>error|warning|debug)\] ?",
    # `ERROR - m`, after a time stamp.
    rf"(?P<hyphen>{_LEVEL}) - {{1,2}}",
    # The last one may be a path of Rust's modules.
    rf"(?P<named>{_LEVEL}) +(?:\[[^\]]{{1,80}}\]|(?:in )?[\w.-]{{1,80}}(?:::\w{{1,80}}){{0,8}}:)(?: |$)",
    # logfmt.
    rf"(?:(?:ts|time|t)=(?P<fmt_time>{_WORD}) )?l(?:eve|v)l=(?P<fmt>\w+) (?:\w+={_WORD} )*?(?:msg|message)=",
    # After a time stamp that was stripped already: `error 33677 pid[2441] [store.cpp:12] m`, or only a level.
    rf"(?P<small>{_LEVEL.lower()}) (?:\d{{1,9}} )?(?:pid\[\d{{1,9}}\] )?(?=\[)",
    rf"(?P<bare>{_LEVEL}){_BLANKS}",
)
_HEAD = re.compile("|".join(_HEADS))
_LEVELS = (
    "placed",
    "env",
    "spring",
    "bracket",
    "bar",
    "dash",
    "colon",
    "uvicorn",
    "marked",
    "hyphen",
    "named",
    "fmt",
    "ucx",
    "small",
    "bare",
)
_AFTER_STAMPS = ("small", "bare", "hyphen")
"""Levels that are only read after a time stamp."""
_TEST_FILE = re.compile(r"\.pyi?::|^ERROR \S+\.py$")
_LETTERS = {"D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR", "F": "CRITICAL", "C": "CRITICAL"}
_NAMES = {"WARN": "WARNING", "FATAL": "CRITICAL", "PANIC": "CRITICAL", "ERR": "ERROR"}
_TIMES = (
    "placed_time",
    "env_time",
    "glog_time",
    "ray_time",
    "ranked_time",
    "trt_time",
    "tf_time",
    "fmt_time",
)
# Ray's note on lines that other workers print as well.
_REPEATED = re.compile(r" ?\[repeated \d+x across cluster\](?: \(Ray deduplicates[^)]*\))?")
_STREAMS = frozenset({"stderr", "stdout"})
_NOT_ERRORS = frozenset({"DEBUG", "INFO"})
_ERRORS = frozenset({"ERROR", "CRITICAL"})
# rsyslog writes the escape character as its octal number.
_ESCAPED_COLOURS = re.compile(r"#033\[[\d;]{0,20}m")
# TorchServe and DJL log what their workers print, whatever it is, at one level.
_STREAM = re.compile(
    r"(?:\S{1,80} - )?(?P<writer>[^\s:]{1,120})-std(?:out|err)(?: \S{1,80} -(?: |$)|:(?: |$))"
)
_MAYBE_HEAD = re.compile(
    rf"\s?(?:{_LEVEL}[ :]|{_LEVEL.lower()} |\[|##\[|\| |- |[DIWEF]\d\d\d|ts=|t=|time=|level=|lvl="
    r"|[\w.-]+:\d+:\d+ \[|\d{4}-|\d{1,6}\.\d\d\.\d{3}\.)"
)


class ParsedLine(NamedTuple):
    """A parsed line.

    Attributes:
        role: the innermost, most specific role named; empty without one.
        pid: the process id named; None without one.
        level: the logger's level, with Python's names; empty for plain output.
        head: the logger's whole head (level, time, source file), which is the same on every line of a record;
            empty for loggers that print it once (uvicorn).
        text: the rest of the line, cleaned.
        stamp: the outermost time stamp, as written (collectors write one on every line); empty without one.
        writer: what distinguishes the streams of one collector; empty if nothing does.
        rank: the rank that a launcher put before the line; empty without one.
        more: further lines of a JSON record besides its message, such as a traceback.
        formatted: whether it has the format that the scenario gives for its engine.
        forwarded: whether its text is of a traceback below the level of errors, as in the head of a program
            that logs, line by line, what another one prints.
    """

    role: str
    pid: int | None
    level: str
    head: str
    text: str
    stamp: str = ""
    writer: str = ""
    rank: str = ""
    more: tuple[str, ...] = ()
    formatted: bool = False
    forwarded: bool = False

    @property
    def stream(self) -> str:
        """The stream within its log: collectors and launchers write several streams into one log."""
        return f"{self.writer} {self.rank}".strip() if self.writer or self.rank else ""


def parse_line(raw: str, known: Patterns = PATTERNS) -> ParsedLine:
    """Split a raw line into writer, level, time stamp and text."""
    return _parsed_cached(raw, known) if len(raw) < _LONG else _parsed(raw, known)


def _parsed(raw: str, known: Patterns) -> ParsedLine:
    # Progress bars redraw themselves with carriage returns: only the last text is visible.
    shown = clean(_ESCAPED_COLOURS.sub("", raw.rstrip("\r\n").rpartition("\r")[2][:JSON_LIMIT]))
    shown = without_row(shown)
    prefix = collector_prefix(shown)
    own = known.line_format
    # What looks like a collector's prefix may be the head of the engine's own format.
    if own is not None and (parts := own.match(shown) or own.match(shown[prefix.end :])):
        return _formatted(parts, prefix)
    rest = shown[prefix.end :]
    if rest.startswith("{") and (parsed := _json(rest, prefix, known)):
        return parsed
    parsed = (_bare_cached if len(rest) < _LONG else _bare)(rest, bool(prefix.stamp), known)
    if not prefix.end:
        return parsed
    return parsed._replace(
        stamp=prefix.stamp or parsed.stamp,
        writer=prefix.writer or parsed.writer,
        rank=prefix.rank or parsed.rank,
    )


def _bare(text: str, stamped: bool, known: Patterns) -> ParsedLine:
    """Parse a line without its collector's prefix; many lines are equal but for that, and so cached."""
    stamp = _SOME_STAMP if stamped else ""
    parsed = _plain(clean_line(text, LINE_LIMIT), Prefix(stamp=stamp), known)
    return parsed._replace(stamp="") if parsed.stamp is stamp else parsed


# Many lines are repeated: results for short ones are cached.
_parsed_cached = lru_cache(maxsize=4096)(_parsed)
_bare_cached = lru_cache(maxsize=4096)(_bare)


def _formatted(parts: Parts, prefix: Prefix) -> ParsedLine:
    """Return a line of the scenario's format; the lines of one record have the same time and level."""
    stamp = parts.time or prefix.stamp
    lines = (*parts.message.split("\n"), *parts.traceback.split("\n"))
    first, *more = [clean_line(line, LINE_LIMIT) for line in lines]
    return ParsedLine(
        role=clean_line(parts.role, ROLE_LIMIT).replace(" ", "_"),
        pid=int(parts.pid) if re.fullmatch(r"\d{1,9}", parts.pid) else None,
        level=_NAMES.get(parts.level, parts.level),
        head=f"{stamp} {parts.level}" if stamp else "",
        text=first,
        stamp=stamp,
        writer=prefix.writer,
        rank=parts.rank or prefix.rank,
        more=tuple(line for line in more if line.strip()),
        formatted=True,
    )


def without_prefix(parsed: ParsedLine, end: int, known: Patterns = PATTERNS) -> ParsedLine:
    """Return the line without a further prefix of `end` characters, which identifies its writer."""
    writer = parsed.writer or _UNNAMED.sub("", parsed.text[:end])
    stripped = _plain(parsed.text[end:], Prefix(0, parsed.stamp, writer, parsed.rank), known)
    return stripped._replace(stamp=parsed.stamp)


def _plain(text: str, prefix: Prefix, known: Patterns) -> ParsedLine:
    if "[repeated " in text:
        text = _REPEATED.sub("", text)
    role, pid, at = _read_writer(text, known)
    if rank := _RANK.match(text, at):
        at = rank.end()
        prefix = replace(prefix, rank=prefix.rank or rank["rank"] or rank["local"])
    head = _HEAD.match(text, at) if _MAYBE_HEAD.match(text, at) else None
    line = ParsedLine(role, pid, "", "", text[at:], prefix.stamp, prefix.writer, prefix.rank)
    bare = head is not None and any(head[name] for name in _AFTER_STAMPS)
    if head is None or (bare and (not prefix.stamp or _TEST_FILE.search(text))):
        return line
    if head["bar_name"] in _STREAMS:
        return _plain(text[head.end() :], prefix, known)
    if head["bracket"] and (stream := _STREAM.match(text, head.end())):
        return _plain(text[stream.end() :], replace(prefix, writer=stream["writer"]), known)
    logged = _with_head(line, head, known)
    return logged if logged.head else _without_forwarder(logged, prefix, known)


def _without_forwarder(logged: ParsedLine, prefix: Prefix, known: Patterns) -> ParsedLine:
    """Return a logged line as another program printed it, if its logger only forwards those lines."""
    text = logged.text
    inner = _HEAD.match(text) if _MAYBE_HEAD.match(text) else None
    timed = inner is not None and any(inner[name] for name in _TIMES)
    if timed or _PREFIX.match(text) or _RANK.match(text) or (inner is not None and not logged.level):
        parsed = _plain(text, replace(prefix, stamp=logged.stamp), known)
        if parsed.role or parsed.pid is not None:
            return parsed
        return parsed._replace(role=logged.role, pid=logged.pid)
    if logged.level in _NOT_ERRORS and (is_of_traceback(text) or is_of_crash(text)):
        return logged._replace(level="", forwarded=True)
    if logged.level in _ERRORS and is_within_traceback(text):
        return logged._replace(level="")
    return logged


def _with_head(line: ParsedLine, head: re.Match[str], known: Patterns) -> ParsedLine:
    """Return the line with the logger's head removed from its text."""
    letter = head["glog"] or head["ray"] or head["trt"] or head["tf"] or head["ggml"]
    named = next((head[name] for name in _LEVELS if head[name]), "").upper()
    level = _LETTERS.get(letter or "", "") or _NAMES.get(named, named) or _nccl_level(head)
    stamp = line.stamp or next((head[name] for name in _TIMES if head[name]), "")
    ranks = (head["ranked"] or "").replace(" ATTN_", " ").replace(" ", "_")
    role = line.role or (f"Scheduler{ranks}" if ranks else "") or (head["ray_role"] or "")
    rank = head["nccl_rank"] or head["trt_rank"]
    role = role or (f"Rank_{rank}" if rank else "")
    role = role or known.source_files.get((head["place"] or "").rpartition("/")[2], "")
    own_pid = head["nccl_pid"] or head["spring_pid"] or head["ucx_pid"]
    pid = line.pid if line.pid is not None or not own_pid else int(own_pid)
    # uvicorn's head, and every head without a time, is only on the first line of a record.
    repeated = head["placed"] or head["glog"] or head["ray"]
    record = head[0].rstrip() if repeated else ""
    text = head.string[head.end() :]
    return line._replace(role=role, pid=pid, level=level, head=record, text=text, stamp=stamp)


def _nccl_level(head: re.Match[str]) -> str:
    """Return the level of an NCCL line; empty for warnings, which include errors: their text decides.

    Nothing depends on the subsystem that only answers queries about the state (`ras/`).
    """
    if (head["nccl_place"] or "").startswith("ras/"):
        return "WARNING"
    return {"ERROR": "ERROR", "FATAL": "CRITICAL", "INFO": "INFO"}.get(head["nccl"] or "", "")


def _read_writer(text: str, known: Patterns) -> tuple[str, int | None, int]:
    """Return role, pid and the index at which the rest begins."""
    match = _FIRST_PREFIX.match(text) if "pid=" in text else None
    if match is None:
        before = _BEFORE_HEAD.match(text) or ("atal" in text and _BEFORE_CRASH.match(text))
        at = before.end() if before else 0
        if margin := _PYTEST_MARGIN.match(text, at):
            return TEST, None, margin.end()
        summary = known.summary.match(text, at) or _XDIST.match(text, at)
        return (summary["role"], None, summary.end()) if summary else ("", None, at)
    role, pid = _role(match), int(match["pid"])
    while inner := _PREFIX.match(text, match.end()):
        match = inner
        found = _role(inner)
        role = role if int(inner["pid"]) == pid and len(role) > len(found) else found
        pid = int(inner["pid"])
    return role, pid, match.end()


def _role(match: re.Match[str]) -> str:
    return (match["role"] or "") + (match["ranks"] or "").replace(" ", "_")


def _json(text: str, prefix: Prefix, known: Patterns) -> ParsedLine | None:
    """Parse a JSON record; None if the line is not one. If the record wraps a line, that line is parsed."""
    try:
        record = parse_json(text)
    except ValueError:
        return None
    own = known.line_format
    form = own if own is not None and own.is_json else JSON_LINES
    parts = form.parts(record) if isinstance(record, dict) else None
    if parts is None:
        return None
    inner = _wrapped_line(parts, known)
    if inner is None:
        return _formatted(parts, prefix)
    return inner._replace(stamp=inner.stamp or parts.time or prefix.stamp)


def _wrapped_line(parts: Parts, known: Patterns) -> ParsedLine | None:
    """Return the line that a collector's record wraps, at whatever level; None if it wraps none."""
    text = parts.message.rstrip("\n")
    if parts.traceback or (parts.level and "\n" in text):
        return None
    inner = parse_line(text, known)
    if not parts.level or inner.level:
        return inner
    of_stack = is_of_traceback(text) or is_of_crash(text)
    return inner._replace(forwarded=parts.level in _NOT_ERRORS) if of_stack else None
