"""Read the watches of `nightly` from a configuration file; options of the command line override it.

The file is `bisect-run.toml`, or `[tool.bisect-run]` in pyproject.toml. Its keys are the names of options
without the dashes. Keys at the top apply to every watch, those in a table `[watch.NAME]` to that watch.
"""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options.declared_options import DeclaredOption, declared_options, takes
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.validate_results import NEEDS_SOURCE, validate_result_options
from bisect_tool.parse_untrusted import parse_toml, table_at, value_at
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE, _PROJECT_FILE, _TABLE = "bisect-run.toml", "pyproject.toml", "bisect-run"
_COMMAND_LINE_ONLY = ("config", "watch", "dry_run", "as_json")
_NOT_WITH_COMMAND = ("scenario", "profile", "cells", "pytest")
"""The options that cannot be combined with a command."""
_NEED_PYTEST = ("pytest_args", "python", "tests_from")
"""The options that need --pytest."""
_NAME_LIMIT = 80
_OPERATORS = frozenset("();<>|&")
_DEFAULT_NAME = "external-lb-dp"
# Newer versions of Typer bundle click, so its UsageError is taken from what Typer exports.
_PARSE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]


@dataclass(frozen=True)
class Watch:
    """A watch of `nightly`: its name, its options, and the names of all watches in its file."""

    name: str
    options: NightlyOptions
    names_in_file: frozenset[str] = frozenset()


def watches(options: NightlyOptions, given: frozenset[str], folder: Path) -> tuple[Watch, ...]:
    """Return the watches of the configuration file; without a file, the one watch that `options` describe.

    Args:
        options: the options of the command line and the environment.
        given: the names of those that were given; these override the file.
        folder: the current directory.

    Raises:
        UsageError: the file cannot be read, a key or value is wrong, or a watch does not exist.
    """
    path = _file(options.config, folder)
    if path is None:
        if options.watch:
            raise UsageError(f"--watch needs a configuration file, such as {_FILE}", "Add --config FILE.")
        validate_result_options(options)
        return (Watch(name_of(options), options),)
    found = _read(path, options, given)
    if unknown := [name for name in options.watch if name not in found]:
        raise UsageError(
            f"{path.name} has no watch {clean_line(unknown[0])}", f"It has: {', '.join(found) or 'none'}."
        )
    for name, each in found.items():
        validate_result_options(each, f"{clean_line(path.name)}: watch {clean_line(name)}: ")
    requested = [name for name in found if name in options.watch or not options.watch]
    return tuple(Watch(name, found[name], frozenset(found)) for name in requested)


def name_of(options: NightlyOptions) -> str:
    """The default name of a watch: the results or tests that it watches."""
    if options.source:
        parts = [options.pipeline or options.repository, options.workflow, options.job]
    else:
        parts = [options.scenario or "", *options.results, *options.pytest, shlex.join(options.command)]
    return clean_line(" ".join(filter(None, parts)), _NAME_LIMIT) or _DEFAULT_NAME


def _file(requested: str | None, folder: Path) -> Path | None:
    if requested is not None:
        return Path(requested)
    if (folder / _FILE).is_file():
        return folder / _FILE
    project = folder / _PROJECT_FILE
    return project if project.is_file() and _has_table(project) else None


def _has_table(project: Path) -> bool:
    try:
        return _TABLE in table_at(parse_toml(project.read_text(encoding="utf-8")), "tool")
    except (OSError, ValueError):  # reported only if the user names the file
        return False


def _read(path: Path, options: NightlyOptions, given: frozenset[str]) -> dict[str, NightlyOptions]:
    content = _content(path)
    tables = content.pop("watch", {})
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise _config_error(path, "watch must be a table of watches", "Write [watch.NAME].")
    if not tables:
        return {name_of(found): found for found in [_options(path, "", content, options, given)]}
    for name in tables:
        _check_name(path, name)
    found = {
        name: _table_options(path, name, content, table, options, given) for name, table in tables.items()
    }
    shared = {name for name in found if "out" in given or "out" not in tables[name]} if len(found) > 1 else ()
    separated = {name: _in_own_folder(each, name) if name in shared else each for name, each in found.items()}
    _require_own_folders(separated)
    return separated


def _check_name(path: Path, name: str) -> None:
    """Raise UsageError for a name that cannot be used as a folder's name or shown in a report."""
    shown = clean_line(name, _NAME_LIMIT)
    if not name.strip(". ") or name != shown or name != name.strip() or not {"/", "\\"}.isdisjoint(name):
        raise _config_error(
            path,
            f"a watch cannot be named {shown!r}",
            f"Use at most {_NAME_LIMIT} letters, digits, spaces and - _ . characters.",
        )


def _table_options(  # noqa: PLR0913, PLR0917 - the three places that options come from
    path: Path,
    name: str,
    content: Mapping[str, Any],
    table: Mapping[str, Any],
    options: NightlyOptions,
    given: frozenset[str],
) -> NightlyOptions:
    """The options of a watch; keys at the top that are for another kind of check are ignored."""
    own_keys = {key.replace("-", "_") for key in table}
    is_command = "command" in own_keys
    has_tests = not own_keys.isdisjoint(("scenario", "pytest"))
    other_checks = {*_NOT_WITH_COMMAND} if is_command else {"command"} if has_tests else set()
    pytest_only = {*_NEED_PYTEST} if is_command or "pytest" not in {*own_keys, *content, *given} else set()
    scope = {*own_keys, *(key.replace("-", "_") for key in content), *given}
    source_only = set() if "source" in scope else {*NEEDS_SOURCE, *(() if "results" in scope else ("job",))}
    excluded = own_keys | other_checks | pytest_only | source_only
    shared = {key: value for key, value in content.items() if key.replace("-", "_") not in excluded}
    return _options(path, name, {**shared, **table}, options, given - pytest_only - source_only)


def _require_own_folders(found: Mapping[str, NightlyOptions]) -> None:
    """Raise UsageError if two watches have the same output folder."""
    owners: dict[Path, str] = {}
    for name, options in found.items():
        if options.out is None:
            continue
        other = owners.setdefault(Path(options.out).absolute(), name)
        if other != name:
            raise UsageError(
                f"watches {clean_line(other)} and {clean_line(name)} write to the same directory, "
                f"{options.out}",
                "Give each its own `out`, or set one `out` at the top of the file.",
            )


def _in_own_folder(options: NightlyOptions, watch: str) -> NightlyOptions:
    """Move the output of a watch that shares --out with others to a folder in it, named like the watch."""
    if options.out is None:
        return options
    return replace(options, out=str(Path(options.out) / re.sub(r"[^\w.-]|^\.+", "-", watch)))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = parse_toml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"cannot read {clean_line(str(path))}: {error.strerror}", "Check --config."
        ) from None
    except ValueError as error:
        raise _config_error(path, str(error), "It must be TOML in UTF-8.") from None
    table = value_at(content, "tool", _TABLE) if path.name == _PROJECT_FILE else content
    if not isinstance(table, dict | None):
        raise _config_error(path, f"tool.{_TABLE} must be a table", f"Write [tool.{_TABLE}].")
    return table or {}


def _options(
    path: Path, watch: str, table: Mapping[str, Any], options: NightlyOptions, given: frozenset[str]
) -> NightlyOptions:
    """The options of a table, overridden by those that were given."""
    where = f"watch {watch}: " if watch else ""
    known = {
        each.name: each for each in declared_options(NightlyOptions) if each.name not in _COMMAND_LINE_ONLY
    }
    arguments: list[str] = []
    positional: list[str] = []
    seen: set[str] = set()
    for key, value in table.items():
        option = known.get(key.replace("-", "_"))
        if option is None:
            raise _config_error(path, f"{where}there is no option {clean_line(key)}", _similar(key, known))
        if option.name in seen:
            raise _config_error(
                path, f"{where}{clean_line(key)} is given twice, with - and with _", "Remove one."
            )
        seen.add(option.name)
        if option.name in given:
            continue
        try:
            (arguments if option.flag else positional).extend(_arguments(option, value))
        except TypeError as error:
            raise _config_error(
                path, f"{where}{clean_line(key)}: {error}", "See `bisect-run nightly --help`."
            ) from None
    try:
        found = _parse([*arguments, *positional])
    except _PARSE_ERROR as error:
        message = getattr(error, "format_message", error.__str__)()
        raise _config_error(
            path, f"{where}{clean_line(message)}", "See `bisect-run nightly --help`."
        ) from None
    names = {*given, *_COMMAND_LINE_ONLY}
    return replace(found, **{name: getattr(options, name) for name in names})


def _arguments(option: DeclaredOption, value: object) -> Iterator[str]:
    """The command-line arguments for a value in the file; raises TypeError for a value that cannot be one."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, str) and "\0" in each for each in values):
        raise TypeError("it contains a NUL character")
    if option.repeated:
        if isinstance(value, str) and not option.flag:
            values = _split(value)
        if not all(isinstance(each, str) for each in values):
            raise TypeError("it must be a string, or a list of strings")
        if not option.flag and not values:
            raise TypeError("it is empty")
        yield from (f"{option.flag}={each}" for each in values) if option.flag else ("--", *values)
    elif option.type is bool:
        if not isinstance(value, bool):
            raise TypeError("it must be true or false")
        yield from (option.flag,) if value else ()
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("it must be a string or a number")
    else:
        yield f"{option.flag}={value}"


def _split(command: str) -> list[str]:
    """Split a command as a shell does, without running a shell."""
    hint = 'Write a list, such as ["./check.sh", "-v"], or ["sh", "-c", "..."] to use a shell'
    try:
        operators = shlex.shlex(command, posix=False, punctuation_chars=True)
        operators.commenters = ""
        if any(_OPERATORS.issuperset(word) for word in operators):
            raise TypeError(f"it is not run by a shell. {hint}")
        arguments = shlex.split(command)
    except ValueError as error:
        raise TypeError(f"{str(error).lower()}. {hint}") from None
    if not arguments:
        raise TypeError("it is empty")
    return arguments


@cache
def _parser() -> Any:  # noqa: ANN401 - Typer's click or, with older ones, click's own
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(takes(NightlyOptions)(lambda options: options))  # type: ignore[arg-type,return-value]
    return typer.main.get_command(app)


def _parse(arguments: list[str]) -> NightlyOptions:
    options = _parser().main(arguments, "nightly", standalone_mode=False)
    assert isinstance(options, NightlyOptions)
    return options


def _similar(key: str, known: Mapping[str, DeclaredOption]) -> str:
    close = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    return f"Did you mean {close[0].replace('_', '-')}?" if close else "See `bisect-run nightly --help`."


def _config_error(path: Path, what: str, hint: str) -> UsageError:
    return UsageError(f"{clean_line(path.name)}: {what}", hint)
