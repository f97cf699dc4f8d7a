"""What `plan` says about wheels."""

from __future__ import annotations

import io
from types import SimpleNamespace

from packaging.version import Version
from rich.console import Console

from bisect_tool.render.plan import render_plan
from bisect_tool.session.plan import Plan
from bisect_tool.wheels.index import Wheel

COMMITS = tuple(
    SimpleNamespace(sha=f"{letter * 40}", subject=f"Change {letter} (#{number})", pr=number)
    for number, letter in enumerate("abcd", 1)
)


def shown(wheels, **more):
    plan = Plan(
        goods=COMMITS[:1],
        commits=COMMITS[1:],
        repo="/engine",
        check="external-lb-dp, profile gpu",
        environments=2,
        native={},
        pinned=False,
        wheels=wheels,
        **more,
    )
    paper = io.StringIO()
    Console(file=paper, width=110, color_system=None).print(render_plan(plan))
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def wheel(letter, variant="cu129"):
    return Wheel(letter * 40, "http://host/w.whl", "w.whl", Version("1.0"), variant)


def test_each_candidate_says_what_it_is_built_from():
    lines = shown({"b" * 40: wheel("b"), "c" * 40: wheel("b")}, fresh="no wheel is published yet")
    assert lines[-3:] == [
        "  bbbbbbbbb  #2  wheel               Change b",
        "  ccccccccc  #3  wheel of bbbbbbbbb  Change c",
        "  ddddddddd  #4  source              Change d",
    ]
    start = next(number for number, line in enumerate(lines) if line.startswith("Wheels"))
    assert " ".join(line.strip() for line in lines[start : start + 2]) == (
        "Wheels        1 of 3 commits, variant cu129;"
        " 1 from the wheel of an ancestor with the same native files; 1 from source"
    )
    assert lines[start + 2].strip() == "no wheel is published yet"


def test_default_variant_has_no_name():
    used = {letter * 40: wheel(letter, "") for letter in "bcd"}
    assert "Wheels        3 of 3 commits" in shown(used)


def test_without_commit_wheels_nothing_is_said():
    lines = shown(None)
    assert not any("wheel" in line.lower() for line in lines)
    assert lines[-1] == "  ddddddddd  #4  Change d"
