"""Render the result of a night as JUnit XML: a test case for each cell.

CI services count every `failure` as red, in any suite. So only a new regression is a failure. A known one is
`skipped` with a message, as pytest reports an expected failure, and is in a separate suite.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from bisect_tool.format import joined, short
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.render.nightly import status_text
from bisect_tool.render.nightly_cause import title
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bisect_tool.json_document.nightly import NightlyCell, NightlyDocument

_PASSING: Final = (CellStatus.GREEN, CellStatus.FIXED)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIMIT = 1000


def junit(night: NightlyDocument) -> str:
    """Render the report, with two suites: `nightly`, and `nightly: known failures`."""
    known = [cell for cell in night.cells if cell.status not in (*_PASSING, CellStatus.NEW)]
    tested = [cell for cell in night.cells if cell.status in (*_PASSING, CellStatus.NEW)]
    root = ET.Element("testsuites", name=_text(f"bisect-run nightly {night.watch}"))
    _suite(root, "nightly", tested, night)
    _suite(root, "nightly: known failures", known, night)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, name: str, cells: Sequence[NightlyCell], night: NightlyDocument) -> None:
    new = sum(cell.status is CellStatus.NEW for cell in cells)
    skipped = sum(cell.status not in (*_PASSING, CellStatus.NEW) for cell in cells)
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=_text(night.created))
    for key, number in ("tests", len(cells)), ("failures", new), ("errors", 0), ("skipped", skipped):
        suite.set(key, str(number))
    properties = ET.SubElement(suite, "properties")
    for key, value in ("watch", night.watch), ("ref", night.ref), ("commit", night.commit):
        ET.SubElement(properties, "property", name=key, value=_text(value))
    titles: defaultdict[str, list[str]] = defaultdict(list)
    for cause in night.causes:
        for each in dict.fromkeys(cause.cells):
            titles[each].append(title(cause))
    for cell in cells:
        _case(suite, cell, titles)


def _case(suite: ET.Element, cell: NightlyCell, titles: Mapping[str, Sequence[str]]) -> None:
    group = " ".join(filter(None, (cell.job, cell.shard, cell.environment)))
    case = ET.SubElement(
        suite, "testcase", classname=_text(group), name=_text(cell.cell or cell.job), time="0"
    )
    if cell.status is CellStatus.NEW:
        failure = ET.SubElement(case, "failure", type="regression", message=_message(cell))
        names = dict.fromkeys((cell.cell, cell.label))
        failure.text = _text(joined(*(each for name in names for each in titles.get(name, ()))))
    elif cell.status not in _PASSING:
        ET.SubElement(case, "skipped", type=cell.status.value, message=_message(cell))


def _message(cell: NightlyCell) -> str:
    rate = f"{cell.rate.failed} of {cell.rate.runs} runs failed" if cell.rate else ""
    culprit = f"culprit {short(cell.culprit)}" if cell.culprit else ""
    since = f"since {short(cell.since)}" if cell.since else ""
    return _text(joined(f"{status_text(cell.status)}: {cell.sentence.rstrip('.')}", culprit, since, rate))


def _text(text: str) -> str:
    """The text in one line, without characters that XML 1.0 does not allow even if escaped."""
    return _ILLEGAL.sub("", clean_line(text, _LIMIT))
