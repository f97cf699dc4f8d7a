"""The help of every command, the version, and the scenarios, word for word.

After a change of wording: `UPDATE_GOLDEN=1 python -m pytest tests/cli`, then read the diff.
"""

from __future__ import annotations

import re

import pytest
from golden_files import compare

from bisect_tool import __version__
from bisect_tool.cli import dispatch

COMMANDS = (*dispatch._COMMANDS, *dispatch._GROUPS)


@pytest.mark.parametrize("command", ["", *COMMANDS, "scenarios list", "scenarios show", "scenarios check"])
def test_help(cli, command, monkeypatch):
    """Versions of Typer differ in spaces and in how they mark types: neither is compared."""
    monkeypatch.setenv("COLUMNS", "80")
    ended = cli(*command.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "..." not in re.sub(r"([\]}])\.\.\.", r"\1", ended.out), "a help text is cut"
    text = " ".join(re.sub(r" <[a-z\[\] ]+>|[{}]", "", ended.out).split())
    compare(f"help-{command.replace(' ', '-') or 'app'}.txt", f"{text}\n")


def test_every_command_is_listed(cli):
    listed = re.findall(r"(?m)^  ([a-z]+)  +[A-Z]", cli("--help").out)
    assert tuple(listed) == COMMANDS


def test_version(cli):
    ended = cli("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"bisect-run {__version__}\n", "")


@pytest.mark.parametrize("arguments", ["list", "show external-lb-dp", "check external_lb_dp"])
def test_scenarios(cli, normalise, arguments):
    ended = cli("scenarios", *arguments.split())
    assert (ended.code, ended.err) == (0, "")
    compare(f"scenarios-{arguments.split()[0]}.txt", normalise(ended.out))
