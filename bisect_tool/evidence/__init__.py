"""Turn log lines into events, failure chains, signatures and verdicts. Pure: no I/O, no current time."""

from bisect_tool.evidence.command_failure import command_failure
from bisect_tool.evidence.command_failure_chain import command_without_good_events, with_chain
from bisect_tool.evidence.deadline import is_missed_deadline
from bisect_tool.evidence.event import Event, EventKind, Frame, Severity, SuiteFailure
from bisect_tool.evidence.exit_codes import exit_text, signal_name
from bisect_tool.evidence.failure_chain import Failure, explain, failure_without_good_events
from bisect_tool.evidence.fatal_lines import is_fatal
from bisect_tool.evidence.line import LogLine
from bisect_tool.evidence.log import LogFailure, explain_log, signatures
from bisect_tool.evidence.reader import read_events
from bisect_tool.evidence.signature import Signature, general_role, normalise, signature_of
from bisect_tool.evidence.symptom import is_symptom
from bisect_tool.evidence.timeline import ProcessTimeline, TableEntry, read_timeline
from bisect_tool.evidence.verdict_rules import Judgement, classify, identifying_signatures, mentions

__all__ = [
    "Event",
    "EventKind",
    "Failure",
    "Frame",
    "Judgement",
    "LogFailure",
    "LogLine",
    "ProcessTimeline",
    "Severity",
    "Signature",
    "SuiteFailure",
    "TableEntry",
    "classify",
    "command_failure",
    "command_without_good_events",
    "exit_text",
    "explain",
    "explain_log",
    "failure_without_good_events",
    "general_role",
    "identifying_signatures",
    "is_fatal",
    "is_missed_deadline",
    "is_symptom",
    "mentions",
    "normalise",
    "read_events",
    "read_timeline",
    "signal_name",
    "signature_of",
    "signatures",
    "with_chain",
]
