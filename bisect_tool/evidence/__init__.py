"""Evidence: from log lines to events, failure chain, signature and judgement. Pure: no I/O, no clock."""

from bisect_tool.evidence.chain import Failure
from bisect_tool.evidence.event import Event, Frame, Kind, Severity, SuiteFailure
from bisect_tool.evidence.judge import Judgement
from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.signature import Signature

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
]
