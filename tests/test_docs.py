"""The reference pages name every field and option, and all links between pages are valid."""

import os
import re
from functools import cache
from pathlib import Path

import pytest
import typer.main

from bisect_tool.build.profile import BuildProfile, Provider
from bisect_tool.cli.dispatch import command_line
from bisect_tool.errors import ExitCode, StepCode
from bisect_tool.evidence.log_settings import EngineLogs
from bisect_tool.evidence.patterns import Milestone, Pattern
from bisect_tool.scenario import LaunchProfile, Profile, RayNeeds, Scenario, Timeouts
from bisect_tool.wheels.settings import CommitWheels

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def section(page, heading):
    """The text below a heading of the second level, up to the next one."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/{page} has no section {heading!r}"
    return found[1]


def fields():
    for model in (
        Scenario,
        Profile,
        LaunchProfile,
        RayNeeds,
        EngineLogs,
        Pattern,
        Milestone,
        Timeouts,
        BuildProfile,
        CommitWheels,
    ):
        for name in model.model_fields:
            heading = "Launch" if model is LaunchProfile else model.__name__
            yield pytest.param(heading, name, id=f"{heading}.{name}")


def commands(group=None, path=()):
    """Every command that is not a group, with its name."""
    for name, command in (group or typer.main.get_command(command_line())).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def options():
    for words, command in commands():
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-") and option != "--help":
                    yield pytest.param(words, option, id=f"{' '.join(words)} {option}")


def pages():
    """Every Markdown file of the repository, except in hidden folders, which have installed packages."""
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if not name.startswith(".") and name not in {"build", "dist"}]
        yield from (Path(folder, file) for file in files if file.endswith(".md"))


def prose(page):
    return CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page):
    """The fragments of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = (match[1].lower() for match in HEADING.finditer(text))
    return frozenset(re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles)


@pytest.mark.parametrize(("model", "field"), list(fields()))
def test_field_has_its_row(model, field):
    assert re.search(rf"^\| `{field}` \|", section("scenario.md", model), re.MULTILINE)


@pytest.mark.parametrize("provider", Provider)
def test_provider_has_its_row(provider):
    assert re.search(rf"^\| `{provider}` \|", section("scenario.md", "BuildProfile"), re.MULTILINE)


@pytest.mark.parametrize(("words", "option"), list(options()))
def test_option_is_in_the_section_of_its_command(words, option):
    assert re.search(rf"{option}(?![\w-])", section("commands.md", words[0]))


def test_every_command_is_described():
    for words, _ in commands():
        assert " ".join(words) in section("commands.md", words[0]) or len(words) == 1


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name)
def test_exit_code_has_its_row(code):
    assert f"| {code.value} | `{code.name}` |" in section("commands.md", "Exit codes")


@pytest.mark.parametrize("code", list(StepCode))
def test_code_of_step_has_its_row(code):
    assert f"\n| {code} |" in section("commands.md", "step")


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_are_valid(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{target} does not exist"
        assert not fragment or fragment in anchors(file), f"{target}: no such heading"


def test_links_and_headings_are_found():
    targets = [target for page in pages() for target in LINK.findall(prose(page))]
    assert "docs/vllm-cpu.md" in targets
    assert "exit-codes" in anchors(REFERENCE / "commands.md")


@pytest.mark.parametrize("page", ["json.md", "scenario.md", "priors.md"])
def test_lines_of_a_table_or_of_prose_are_short(page):
    text = FENCE.sub("", (REFERENCE / page).read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > 110] == []
