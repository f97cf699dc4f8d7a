"""The tables in docs/reference/commands.md match the declared options."""

import re
from dataclasses import MISSING
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from command_models import MODELS

from bisect_tool.options.declared_options import declared_options

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
CELL = re.compile(r"(?<!\\)\|")
WITHOUT_TABLE = {"plan", "resume", "status", "report", "explain", "triage"}
"""Their options are described in prose, or in a table of another form (`tests/test_docs.py`)."""
COMMANDS = [(name, model) for name, model in MODELS.items() if name not in WITHOUT_TABLE]


def section(command):
    return PAGE.read_text(encoding="utf-8").split(f"\n## {command}\n")[1].split("\n## ")[0]


def of_run(command):
    """The options that a sentence below the table takes from `run`."""
    _, found, names = section(command).partition("It also takes these options of [`run`](#run): ")
    return re.findall(r"`([^`]+)`", names.split("\n\n")[0]) if found else []


def table(command):
    """The first cell of each row of a command's options, as its code spans, and the second cell."""
    lines = section(command).split("| option | default | meaning |\n|---|---|---|\n")[1].splitlines()
    for line in lines[: next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))]:
        _, names, default, *_ = CELL.split(line)
        yield re.findall(r"`([^`]+)`", names.replace("\\|", "|")), default.strip()


def label(option):
    """The label in the table, such as `--runs N`."""
    if not option.flag:
        return f"-- {option.info.metavar}..." if option.repeated else option.info.metavar
    kinds = [kind for kind in (option.type, *get_args(option.type)) if get_origin(kind) is Literal]
    value = "|".join(get_args(kinds[0])) if kinds else option.info.metavar
    return f"{option.flag} {value}" if value and option.type is not bool else option.flag


def default_of(option):
    """The default in the table; None if it is determined at run time, so that the table describes it."""
    if option.default is MISSING:
        return "required"
    if option.default is False:
        return "off"
    return f"`{option.default:g}`" if isinstance(option.default, int | float) else f"`{option.default}`"


@pytest.mark.parametrize(("command", "model"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_table_has_the_options_of_its_command(command, model):
    """The row of one option has its default; a row for several, or a sentence, refers to another command."""
    own = {names[0]: default for names, default in table(command) if len(names) == 1}
    others = [name for names, _ in table(command) if len(names) > 1 for name in names] + of_run(command)
    options = {label(option): option for option in declared_options(model)}
    flags = {option.flag or name: name for name, option in options.items()}
    assert own.keys() | {flags[name] for name in others} == options.keys()
    assert len(own) + len(others) == len(options)
    for name, default in own.items():
        option = options[name]
        if option.default not in (None, (), ""):
            assert default == default_of(option)
