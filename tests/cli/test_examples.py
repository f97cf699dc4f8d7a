"""The examples in the help of each command are command lines that it accepts."""

import shlex

import pytest
import typer.main

from bisect_tool.cli.dispatch import command_line


def commands(group=None, path=()):
    """Every command that is not a group, with its path."""
    for name, command in (group or typer.main.get_command(command_line())).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield pytest.param(command, (*path, name), id=" ".join((*path, name)))


def examples(command):
    """The command lines in a help text's epilog, each as a list of arguments."""
    heading, *lines = command.epilog.removeprefix("\b\n").splitlines()
    assert heading == "Examples:"
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize(("command", "path"), list(commands()))
def test_command_has_two_examples_that_it_parses(command, path):
    found = examples(command)
    assert len(found) == 2
    for arguments in found:
        after = arguments[arguments.index("bisect-run") + 1 :]
        assert tuple(after[: len(path)]) in (path, path[:1])
        command.make_context(path[-1], after[len(path) :])


def test_examples_of_a_group_are_shown():
    group = typer.main.get_command(command_line())
    assert len(examples(group)) == len(examples(group.commands["scenarios"])) == 2
