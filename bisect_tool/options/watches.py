"""Read the watches of `nightly`: from a configuration file, under what the command line gives.

`bisect-run.toml`, or `[tool.bisect-run]` of pyproject.toml: a key is the name of an option without its
dashes. Keys at the top count for every watch, those of a table `[watch.NAME]` for that watch.
"""

from __future__ import annotations

import difflib
import re
import shlex
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options.check_results import OF_SOURCE, check_results
from bisect_tool.options.declared import Declared, declared, takes
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE, _PROJECT_FILE, _TABLE = "bisect-run.toml", "pyproject.toml", "bisect-run"
_OF_THE_COMMAND_LINE = ("config", "watch", "dry_run", "as_json")
_OF_TESTS = ("scenario", "profile", "cells", "pytest")
"""Cannot be combined with a command."""
_OF_PYTEST = ("pytest_args", "python", "tests_from")
"""Need --pytest."""
_NAME_LIMIT = 80
_OPERATORS = frozenset("();<>|&")
_DEFAULT_NAME = "external-lb-dp"
# Newer versions of Typer bring a click of their own, so the error is taken from what Typer exports.
_MISUSE: type[Exception] = typer.BadParameter.__bases__[0]


@dataclass(frozen=True)
class Watch:
    """A watch of `nightly`: its name, its options, and the names of all watches in its file."""

    name: str
    options: NightlyOptions
    names_in_file: frozenset[str] = frozenset()


def watches(options: NightlyOptions, given: frozenset[str], folder: Path) -> tuple[Watch, ...]:
    """The watches of the configuration file that `options` names or `folder` has; else the one of `options`.

    Args:
        options: what the command line and the environment say.
        given: the names of the options that they give; these override the file.
        folder: the current directory.

    Raises:
        UsageError: the file cannot be read, a key or value is wrong, or a watch does not exist.
    """
    path = _file(options.config, folder)
    if path is None:
        if options.watch:
            raise UsageError(f"--watch needs a configuration file, such as {_FILE}", "Add --config FILE.")
        check_results(options)
        return (Watch(name_of(options), options),)
    found = _read(path, options, given)
    if unknown := [name for name in options.watch if name not in found]:
        raise UsageError(
            f"{path.name} has no watch {clean_line(unknown[0])}", f"It has: {', '.join(found) or 'none'}."
        )
    for name, each in found.items():
        check_results(each, f"{clean_line(path.name)}: watch {clean_line(name)}: ")
    asked = [name for name in found if name in options.watch or not options.watch]
    return tuple(Watch(name, found[name], frozenset(found)) for name in asked)


def name_of(options: NightlyOptions) -> str:
    """The name of a watch that no file gives one: what it looks at."""
    if options.source:
        parts = [options.pipeline or options.repository, options.workflow, options.job]
    else:
        parts = [options.scenario or "", *options.results, *options.pytest, *options.command]
    return clean_line(" ".join(filter(None, parts)), _NAME_LIMIT) or _DEFAULT_NAME


def _file(asked: str | None, folder: Path) -> Path | None:
    if asked is not None:
        return Path(asked)
    if (folder / _FILE).is_file():
        return folder / _FILE
    project = folder / _PROJECT_FILE
    return project if project.is_file() and _has_table(project) else None


def _has_table(project: Path) -> bool:
    try:
        return _TABLE in tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):  # an error of the project, unless the user names the file
        return False


def _read(path: Path, options: NightlyOptions, given: frozenset[str]) -> dict[str, NightlyOptions]:
    content = _content(path)
    tables = content.pop("watch", {})
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise _wrong(path, "watch has to be tables", "Write [watch.NAME].")
    if not tables:
        return {name_of(found): found for found in [_options(path, "", content, options, given)]}
    for name in tables:
        _check_name(path, name)
    found = {name: _of_table(path, name, content, table, options, given) for name, table in tables.items()}
    shared = {name for name in found if "out" in given or "out" not in tables[name]} if len(found) > 1 else ()
    apart = {name: _in_own_folder(each, name) if name in shared else each for name, each in found.items()}
    _require_own_folders(apart)
    return apart


def _check_name(path: Path, name: str) -> None:
    """Raise UsageError for a name that cannot be that of a folder, or that a report cannot show."""
    shown = clean_line(name, _NAME_LIMIT)
    if not name.strip(". ") or name != shown or name != name.strip() or not {"/", "\\"}.isdisjoint(name):
        raise _wrong(
            path,
            f"a watch cannot be named {shown!r}",
            f"Use at most {_NAME_LIMIT} letters, digits, spaces and - _ . characters.",
        )


def _of_table(  # noqa: PLR0913, PLR0917 - the three places that options come from
    path: Path,
    name: str,
    content: Mapping[str, Any],
    table: Mapping[str, Any],
    options: NightlyOptions,
    given: frozenset[str],
) -> NightlyOptions:
    """The options of a watch; what is meant for another kind of check than its own does not count for it."""
    own = {key.replace("-", "_") for key in table}
    is_command = "command" in own
    others = {*_OF_TESTS} if is_command else set() if own.isdisjoint(("scenario", "pytest")) else {"command"}
    of_pytest = {*_OF_PYTEST} if is_command or "pytest" not in {*own, *content, *given} else set()
    scope = {*own, *(key.replace("-", "_") for key in content), *given}
    of_source = set() if "source" in scope else {*OF_SOURCE, *(() if "results" in scope else ("job",))}
    foreign = others | of_pytest | of_source
    shared = {key: value for key, value in content.items() if key.replace("-", "_") not in foreign}
    return _options(path, name, {**shared, **table}, options, given - of_pytest - of_source)


def _require_own_folders(found: Mapping[str, NightlyOptions]) -> None:
    """Raise UsageError if two watches would write the same files."""
    owners: dict[Path, str] = {}
    for name, options in found.items():
        if options.out is None:
            continue
        other = owners.setdefault(Path(options.out).absolute(), name)
        if other != name:
            raise UsageError(
                f"watches {clean_line(other)} and {clean_line(name)} write to the same folder, {options.out}",
                "Give each its own `out`, or one `out` above all watches.",
            )


def _in_own_folder(options: NightlyOptions, watch: str) -> NightlyOptions:
    """The options of a watch that shares --out with others: it gets a folder in it, named like the watch."""
    if options.out is None:
        return options
    return replace(options, out=str(Path(options.out) / re.sub(r"[^\w.-]|^\.+", "-", watch)))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {clean_line(str(path))}: {error.strerror}", "See --config.") from None
    except ValueError as error:
        raise _wrong(path, str(error), "It has to be TOML in UTF-8.") from None
    return content.get("tool", {}).get(_TABLE, {}) if path.name == _PROJECT_FILE else content


def _options(
    path: Path, watch: str, table: Mapping[str, Any], options: NightlyOptions, given: frozenset[str]
) -> NightlyOptions:
    """The options of a table, with those that are given in their place."""
    where = f"watch {watch}: " if watch else ""
    known = {each.name: each for each in declared(NightlyOptions) if each.name not in _OF_THE_COMMAND_LINE}
    words: list[str] = []
    last: list[str] = []
    for key, value in table.items():
        option = known.get(key.replace("-", "_"))
        if option is None:
            raise _wrong(path, f"{where}there is no option {clean_line(key)}", _similar(key, known))
        if option.name in given:
            continue
        try:
            (words if option.flag else last).extend(_words(option, value))
        except TypeError as error:
            raise _wrong(
                path, f"{where}{clean_line(key)}: {error}", "See `bisect-run nightly --help`."
            ) from None
    try:
        found = _parse([*words, *last])
    except _MISUSE as error:
        message = getattr(error, "format_message", error.__str__)()
        raise _wrong(path, f"{where}{clean_line(message)}", "See `bisect-run nightly --help`.") from None
    names = {*given, *_OF_THE_COMMAND_LINE}
    return replace(found, **{name: getattr(options, name) for name in names})


def _words(option: Declared, value: object) -> Iterator[str]:
    """The words of a command line that give a value of the file; raises TypeError for another type."""
    if option.repeated:
        values = value if isinstance(value, list) else [value]
        if isinstance(value, str) and not option.flag:
            values = _split(value)
        if not all(isinstance(each, str) for each in values):
            raise TypeError("it has to be a text, or a list of texts")
        yield from (f"{option.flag}={each}" for each in values) if option.flag else ("--", *values)
    elif option.type is bool:
        if not isinstance(value, bool):
            raise TypeError("it has to be true or false")
        yield from (option.flag,) if value else ()
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("it has to be a text or a number")
    else:
        yield f"{option.flag}={value}"


def _split(command: str) -> list[str]:
    """The words of a command that is written as on a command line; no shell reads it."""
    hint = 'Write a list, such as ["./check.sh", "-v"], or ["sh", "-c", "..."] for what a shell reads'
    try:
        operators = shlex.shlex(command, posix=False, punctuation_chars=True)
        operators.commenters = ""
        if any(_OPERATORS.issuperset(word) for word in operators):
            raise TypeError(f"there is no shell. {hint}")
        words = shlex.split(command)
    except ValueError as error:
        raise TypeError(f"{str(error).lower()}. {hint}") from None
    if not words:
        raise TypeError("it is empty")
    return words


@cache
def _parser() -> Any:  # noqa: ANN401 - Typer's click or, with older ones, click's own
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(takes(NightlyOptions)(lambda options: options))  # type: ignore[arg-type,return-value]
    return typer.main.get_command(app)


def _parse(words: list[str]) -> NightlyOptions:
    options = _parser().main(words, "nightly", standalone_mode=False)
    assert isinstance(options, NightlyOptions)
    return options


def _similar(key: str, known: Mapping[str, Declared]) -> str:
    close = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    return f"Is it {close[0].replace('_', '-')}?" if close else "See `bisect-run nightly --help`."


def _wrong(path: Path, what: str, hint: str) -> UsageError:
    return UsageError(f"{clean_line(path.name)}: {what}", hint)
