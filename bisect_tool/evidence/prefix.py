"""Strip the prefixes of log collectors, CI services and launchers, and read the writer from them.

Recognises Kubernetes' container runtime (CRI), kubectl and stern, CloudWatch, Docker Compose, BuildKit,
journald, GitHub Actions, GitLab, Buildkite, Jenkins, torchrun, srun and mpirun, and quoted mail. Any other
prefix is learnt from the first traceback that has it, whose lines all begin with that prefix
(`PrefixLearner`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_DATE = r"(?:\d{4}-\d\d-\d\d|(?:\d{4}|\d\d)/\d\d/\d\d)"
_DATE_TIME = rf"{_DATE}[T ]\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_ISO_ZONED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?[+-]\d\d:?\d\d"
# Months are named in the language of the machine.
_SYSLOG_TIME = r"[A-Za-z][a-z]{2} [ \d]\d {1,2}\d\d:\d\d:\d\d(?:\.\d+)?"
_CTIME = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
_END = r"(?: |$)"

# Longer forms first. Each ends at a blank or at the end of the line.
_FORMS = (
    rf"(?P<cri>{_DATE_TIME}) std(?:out|err) [FP]{_END}",
    rf"(?P<gitlab>{_DATE_TIME}) \d\d[OE](?:[ +]|$)",
    rf"(?P<journal>{_SYSLOG_TIME}) (?P<host>[\w.-]+) (?P<unit>[\w./@-]+)(?:\[\d+\])?:{_END}",
    # After this stamp, two words and a colon may be anything: `Caused by:`.
    rf"(?P<iso>{_ISO_ZONED}) [\w.-]+ (?P<process>kernel(?=:)|[\w./@-]+(?=\[))(?:\[\d+\])?:{_END}",
    rf"(?P<job>[^\t\n]{{1,200}}\t[^\t\n]{{1,200}})\t\ufeff?(?P<step>{_DATE_TIME}){_END}",
    # Taskcluster names the writer before the time.
    rf"\[(?:task(?:cluster)? )?(?P<bracketed>{_DATE_TIME}|\d\d-\d\d \d\d:\d\d:\d\d)\]{_END}",
    rf"(?P<barred>{_SYSLOG_TIME}|{_DATE_TIME}) \|(?! *[A-Z]+ +\|){_END}",
    # CloudWatch puts three blanks after the time.
    rf"(?P<zoned>{_ISO_ZONED}) {{3}}",
    # Levels of Rust's tracing are aligned to the right.
    rf"(?P<stamp>{_DATE_TIME})(?:[ \t](?: (?=(?:INFO|WARN) ))?|$)",
    rf"(?P<epoch>1\d{{12}}){_END}",
    rf"\[ *\d{{1,8}}\.\d{{6}}\]{_END}",
    # Flutter and Melos print the time that passed.
    rf"\[(?: +| *\+\d+ ms| +\d+\.\d{{3}}s)\]{_END}",
    rf"\[pod/(?P<pod>[^\]\s]+)\]{_END}",
    rf"(?P<stern>[a-z0-9-]+-[a-z0-9]{{5,10}}-[a-z0-9]{{5}} [a-z0-9-]+){_END}",
    rf"(?P<compose>[\w.-]{{1,64}}(?:[-_]\d+ *| {{2,}}))\|{_END}",
    r"\[(?:default(?P<local>\d+)\]:|rank(?P<rank>\d+)\]: ?)",
    rf"(?P<task>\d{{1,5}}):{_END}",
    # pdsh: an address, or a name before a logger's head.
    rf"(?P<address>\d{{1,3}}(?:\.\d{{1,3}}){{3}}|[\w.-]{{1,64}}(?=: \[{_DATE_TIME}\] \[)):{_END}",
    rf"\[(?P<dmesg>{_CTIME})\]{_END}",
    rf"(?P<ctime>{_CTIME})?\[\d+,(?P<mpi>\d+)\]<std(?:out|err)>:(?: (?! ))?",
    # PostgreSQL's process id before its level, which is not a rank: `[30] FATAL:  m`.
    r"\[\d{1,9}\] (?=(?:LOG|ERROR|FATAL|PANIC|WARNING|DETAIL|HINT|STATEMENT|CONTEXT):  )",
    rf"\[(?P<hydra>\d{{1,5}})\](?! \[[A-Z]+\]){_END}",
    # Before another time, or a level that is aligned to the right.
    r"(?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?)(?: {3}(?=\d\d:)| {2,9}(?=[A-Z]+ - )|[ \t]|$)",
    r"(?P<quote>(?:> ?)+)(?<=>|\s)",
    rf"(?:(?P<buildkit>#\d{{1,4}}) )?\d{{1,6}}\.\d{{1,3}}{_END}",
    rf" *\| +(?=\[?{_DATE_TIME})",
    r"p=\d{1,9} u=[\w.-]{1,40} n=[\w.-]{1,40} \|(?: |$)",  # Ansible's log file
    # kubectl: `describe` and `get events`.
    r" +(?:Normal|Warning) +\w+ +(?:[\dsmhd]+(?: \(x\d+ over \w+\))?|<\w+>) +[\w.-]+ {2,}",
    r"(?:[\dsmhd]+|<\w+>) +(?:Normal|Warning) +\w+ +[a-z.]+/\S+ +",
    r" +(?=Reason: +(?:OOMKilled|Evicted|ErrImagePull|(?:ImagePull|CrashLoop)BackOff|CreateContainer\w+)$)",
    r" +(?=\"OOMKilled\": true)",  # docker inspect
    r" {2,}\u2502 (?=\S)(?!.*\u2502$)",  # a tool's output that GoReleaser quotes
    r" *(?:\u00d7|\u2570\u2500[\u25b6>]) ",
    rf"\((?:pid=)?(?P<raylet>raylet|autoscaler|gcs_server)(?:, ip=[^)]{{1,60}})?\){_END}",
)
_COLLECTOR = re.compile("|".join(_FORMS))
_STARTS = re.compile(
    r"[\d\[>(#]| *[|NWR\"\u00d7\u2570\u2502]|[A-Za-z][a-z]{2} [ \dA-Z]|[\w.-]{1,64}(?: *[|-]|: \[)"
    r"|[^\t\n]{1,200}\t"
)
# The rank of a line that follows, on the same line, text of another process that has not ended yet.
_UNENDED = re.compile(r".{1,300}?(?=\[rank\d{1,5}\]: ?(?:\[?[DIWEF]\d{3,4} |Traceback \())")
# A row of a table that a log service exports: a time, the line, and often the name of its stream.
_ROW = re.compile(
    r'(?P<time>1\d{12}),(?:"(?P<quoted>.*)"|(?P<plain>[^,]*))(?:,[\w./-]*)?$'
    r"|\| (?P<cell_time>1\d{12}) +\| ?(?P<cell>.*?)\|(?: [\w./-]+ *\|)?$"
    r"|(?P<iso>\d{4}-\d\d-\d\dT[\d:.]{8,18}Z)\t(?P<tabbed>[^\t]*)\t\[?[\w./-]+\]?(?:\(\S*\))?$"
)
_LAYERS = 6
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Prefix:
    """The prefix of a line.

    Attributes:
        end: the index at which the line itself begins.
        stamp: the outermost time stamp, as written; empty without one.
        writer: what distinguishes the streams of one collector, such as a pod; empty if nothing does.
        rank: the rank or task number; empty without one.
    """

    end: int = 0
    stamp: str = ""
    writer: str = ""
    rank: str = ""


_NONE = Prefix()


def without_row(text: str) -> str:
    """Return time and line of a row that a log service exported; another text is unchanged."""
    row = _ROW.match(text) if text[:1] in {"1", "2", "|"} else None
    if row is None:
        return text
    quoted = (row["quoted"] or "").replace('""', '"')
    line = quoted or row["plain"] or row["tabbed"] or (row["cell"] or "").rstrip()
    return f"{row['time'] or row['cell_time'] or row['iso']} {line}"


def collector_prefix(text: str) -> Prefix:
    """Return the prefix that one or several collectors put before `text`."""
    glued = "[rank" in text
    if not glued and not _STARTS.match(text):
        return _NONE
    end, stamp, writer, rank = 0, "", "", ""
    for _ in range(_LAYERS):
        match = _COLLECTOR.match(text, end)
        if match is None and glued and not rank:
            match = _UNENDED.match(text, end)
        if match is None or match.end() == end:
            break
        form = match.lastgroup or ""
        if not stamp and form in _TIMED:
            stamp = match[_TIMED[form]] or ""
        if not writer and form in _NAMED:
            writer = match[_NAMED[form]].strip()
        if not rank and form in _RANKED:
            rank = match[form]
        end = match.end()
    return Prefix(end, stamp, writer, rank) if end else _NONE


# The last group of a form identifies the form.
_TIMED = {
    **{
        form: form
        for form in (
            *("cri", "gitlab", "bracketed", "dmesg", "barred", "zoned", "stamp", "clock", "step"),
            "epoch",
        )
    },
    "unit": "journal",
    "process": "iso",
    "mpi": "ctime",
}
_NAMED = {
    **{form: form for form in ("pod", "stern", "compose", "buildkit", "raylet", "address")},
    "unit": "unit",
    "process": "process",
    "step": "job",
}
_RANKED = frozenset({"rank", "local", "task", "mpi", "hydra"})


@dataclass
class PrefixLearner:
    """Learns prefixes of unknown forms from tracebacks.

    The text before `Traceback (most recent call last):` is a prefix if the next lines begin with the same
    text, except for digits, and continue with a stack.
    """

    _proposed: re.Pattern[str] | None = None
    _known: list[re.Pattern[str]] = field(default_factory=list)
    first_characters: set[str] = field(default_factory=set)
    """The first characters of learnt and proposed prefixes."""

    def prefix_length(self, text: str) -> int:
        """Return the length of the learnt prefix of `text`; 0 without one."""
        if text[:1] not in self.first_characters:
            return 0
        for known in self._known:
            if match := known.match(text):
                return match.end()
        match = self._proposed.match(text) if self._proposed is not None else None
        if self._proposed is None or match is None or not text.startswith('  File "', match.end()):
            return 0
        self._known = [*self._known[-_KEPT + 1 :], self._proposed]
        self._proposed = None
        return match.end()

    def propose(self, before: str) -> None:
        """Try the text before a traceback's header as a prefix, in case the next lines have it too."""
        bare = before.rstrip(" ")
        shape = re.sub(r"\d+", r"\\d+", re.escape(bare))
        indent = max(len(before) - len(bare), 1)
        self.first_characters.update("0123456789" if before[0].isdigit() else before[0])
        self._proposed = re.compile(rf"{shape}(?: {{1,{indent}}}|$)")
