"""Evidence: from log lines to events, failure chain, signature and judgement. Pure: no I/O, no clock."""

from bisect_tool.evidence.chain import Failure, explain
from bisect_tool.evidence.event import Event, Frame, Kind, Severity, SuiteFailure
from bisect_tool.evidence.fatal import is_fatal
from bisect_tool.evidence.judge import Judgement, classify, telling
from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.reader import read_events
from bisect_tool.evidence.signature import Signature, normalise, signature_of

__all__ = [
    "Event",
    "Failure",
    "Frame",
    "Judgement",
    "Kind",
    "LogLine",
    "Severity",
    "Signature",
    "SuiteFailure",
    "classify",
    "explain",
    "is_fatal",
    "normalise",
    "read_events",
    "signature_of",
    "telling",
]
