"""docs/how-to/triage.md shows the exact output of its command for its issue."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from bisect_tool.cli.dispatch import command_line
from bisect_tool.render.triage import sections
from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "triage.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STORIES = Path(__file__).parents[1] / "triage" / "saved_issue"


def blocks(kind):
    return [block["text"] for block in BLOCK.finditer(PAGE) if block["kind"] == kind]


def parsed(arguments):
    """Parse a command line of bisect-run as the program does."""
    name = arguments[1] if arguments[1] == "fixes" else "run"
    command = typer.main.get_command(command_line([name])).commands[name]
    command.make_context(name, arguments[2 if name == "fixes" else 1 :])


def test_report_of_the_page_equals_the_output(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (issue,), (line,) = blocks("markdown"), blocks("bash")
    Path("issue.md").write_text(issue, encoding="utf-8")
    ended = cli(*shlex.split(line)[1:])
    assert ended.code == 0
    promised = blocks("text")
    assert len(promised) == 2
    for text in promised:
        assert text in ended.out


@pytest.mark.parametrize("kind", ["md", "txt", "html", "json", "page"])
def test_printed_commands_are_parsed_as_printed(kind):
    text = (
        blocks("markdown")[0] if kind == "page" else (STORIES / f"story.{kind}").read_text(encoding="utf-8")
    )
    found = completed(analyse(read_page(text)), Context())
    ready = [shlex.split(each.argv) for each in found.commands if each.ready and each.name != "explain"]
    assert [arguments[1] for arguments in ready] == ["--repo", "fixes"]
    for arguments in ready:
        parsed(arguments)
    assert [section.title for section in sections(found)][-1] == "Next"
