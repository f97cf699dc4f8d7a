"""The JSON document is stable: it round-trips, and the reference describes every field."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import sample_documents as documents
from pydantic import ValidationError

from bisect_tool.evidence import Event, Frame, ProcessTimeline
from bisect_tool.json_document.document import (
    CellReport,
    CommitInfo,
    Confirmation,
    Cost,
    CulpritReport,
    Document,
    EndCount,
    FailRates,
    FailureReport,
    FileChange,
    GpuMemoryReport,
    NativeChange,
    OtherFailureReport,
    ParentRuns,
    PinChange,
    Skipped,
    TrialReport,
)
from bisect_tool.json_document.fixes import FixReport, Tried
from bisect_tool.json_document.repro import FailureRate, Reproduced, Reproduction, SignatureCount, Spread

_EXACT = ("type", "$ref", "const", "format")
FROZEN = Path(__file__).with_name("schema-2.json")
"""Schema 2 as first published."""
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
JSON_SCHEMA = REFERENCE.with_name("document.schema.json")
SECTIONS = {
    "Document": Document,
    "Cell": CellReport,
    "End count": EndCount,
    "Fail rates": FailRates,
    "Skip": Skipped,
    "Commit": CommitInfo,
    "Culprit": CulpritReport,
    "Parent": ParentRuns,
    "File change": FileChange,
    "Pin change": PinChange,
    "Reproduction": Reproduction,
    "Reproduced cell": Reproduced,
    "Failure rate": FailureRate,
    "Signature count": SignatureCount,
    "Spread": Spread,
    "Fix report": FixReport,
    "Tried": Tried,
    "Confirmation": Confirmation,
    "Other failure": OtherFailureReport,
    "Failure": FailureReport,
    "Event": Event,
    "Frame": Frame,
    "Native change": NativeChange,
    "Trial": TrialReport,
    "GPU memory": GpuMemoryReport,
    "Process": ProcessTimeline,
    "Cost": Cost,
}
ENDINGS = (
    "culprit",
    "two_culprits",
    "confirmed",
    "inconclusive",
    "flaky",
    "all_green",
    "command",
    "running",
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip(ending):
    document = getattr(documents, ending)()
    assert Document.model_validate_json(document.to_json()) == document


def test_json_is_ascii_for_any_text():
    text = documents.hostile().to_json()
    assert text.isascii()
    assert not re.search(r"[^\n -~]", text)
    assert json.loads(text)["schema"] == 2


def test_unknown_field_or_schema_is_an_error():
    content = json.loads(documents.culprit().to_json())
    with pytest.raises(ValidationError):
        Document.model_validate({**content, "extra": 1})
    with pytest.raises(ValidationError):
        Document.model_validate({**content, "schema": 1})


def described():
    """Field names in the reference's tables, by section."""
    parts = re.split(r"^#{2,3} (.+)$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    tables = zip(parts[1::2], parts[2::2], strict=True)
    return {title: re.findall(r"^\| `(\w+)` \|", body, flags=re.MULTILINE) for title, body in tables}


@pytest.mark.parametrize(("section", "model"), SECTIONS.items())
def test_reference_describes_each_field(section, model):
    assert described()[section] == [field.alias or name for name, field in model.model_fields.items()]


def test_reference_example_is_a_document():
    example = re.search(r"```json\n(.+?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)[1]
    document = Document.model_validate_json(example)
    assert json.loads(document.to_json()) == json.loads(example), "the example leaves no field out"


def _is_kept(published, current):
    """Whether everything published still exists; objects and lists may gain members, texts may change."""
    if isinstance(published, dict) and isinstance(current, dict):
        kept = {key: value for key, value in published.items() if not isinstance(value, str) or key in _EXACT}
        return all(key in current and _is_kept(value, current[key]) for key, value in kept.items())
    if isinstance(published, list) and isinstance(current, list):
        return all(any(_is_kept(value, other) for other in current) for value in published)
    return published == current


def test_json_schema_that_is_published_is_that_of_the_model():
    """Updated with `UPDATE_GOLDEN=1` if a field was added."""
    current = Document.model_json_schema(by_alias=True)
    if os.environ.get("UPDATE_GOLDEN"):
        JSON_SCHEMA.write_text(json.dumps(current, indent=2) + "\n", encoding="utf-8")
    assert json.loads(JSON_SCHEMA.read_text(encoding="utf-8")) == current


def test_no_field_of_the_frozen_schema_is_lost():
    frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
    assert _is_kept(frozen, Document.model_json_schema(by_alias=True))
