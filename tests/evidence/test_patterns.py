"""The table of patterns is the only place with texts of engines."""

import re
from pathlib import Path

import pytest

from bisect_tool.evidence.patterns import PATTERNS, load

PACKAGE = Path(__file__).parents[2] / "bisect_tool"
ENGINES = re.compile(r"vllm|sglang|api_?server(?!_count)|engine_?core|dp_?coordinator", re.IGNORECASE)


def test_no_code_names_an_engine():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        text = path.read_text(encoding="utf-8")
        assert not (found := ENGINES.search(text)), f"{name}: {found[0]}"


@pytest.mark.parametrize(
    "section",
    [
        "vllm",
        "sglang",
        "torch",
        "nccl",
        "ray",
        "deepspeed",
        "cpython",
        "native",
        "kernel",
        "kubernetes",
        "pytest",
    ],
)
def test_every_program_has_its_section(section):
    assert PATTERNS.sections[section].patterns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[x.patterns]]\nstage = "cause"', "needs a `text`, an `exception` or a `regex`"),
        ('[[x.patterns]]\ntext = "a"\nstage = "sad"', "`stage` must be one of cause, timed_out,"),
        (
            '[[x.patterns]]\nexception = "a.B"\nstage = "cause"',
            "must be a class name without its module, not 'a.B'",
        ),
        (
            '[[x.patterns]]\nregex = "a("\nstage = "cause"',
            "`a(` is not a valid regular expression: missing )",
        ),
        ('[[x.milestones]]\ntext = "a"\nrole = "A"\nreaches = ["up"]', "'handshake', 'ready'"),
    ],
)
def test_invalid_pattern_is_rejected(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load(text)
