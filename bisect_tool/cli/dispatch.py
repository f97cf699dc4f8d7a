"""Run a command of `bisect-run`, and map results and errors to exit codes."""

from __future__ import annotations

import ast
import gc
import importlib
import logging
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bisect_tool import __version__, diagnostics
from bisect_tool.cli.examples import epilog
from bisect_tool.cli.not_in_ci import ci_option_error
from bisect_tool.errors import (
    CODES_WITH_DETAILS,
    RESULT_CODES,
    BisectError,
    ExitCode,
    UsageError,
    is_disk_error,
    is_resource_error,
)
from bisect_tool.terminal import writer
from bisect_tool.terminal.output import notify, print_error
from bisect_tool.terminal.verbose_log import be_verbose
from bisect_tool.write_tokens import removed_from

if TYPE_CHECKING:
    from collections.abc import Iterable

# Newer versions of Typer bundle click, so the base class of usage errors is taken from what Typer exports.
_TYPER_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
_UNWRITTEN_HINT = "It may be closed, or the disk may be full. `bisect-run report` prints the result again."

_COMMANDS = (
    "run",
    "demo",
    "plan",
    "resume",
    "status",
    "report",
    "step",
    "repro",
    "fixes",
    "simulate",
    "doctor",
    "explain",
    "triage",
    "nightly",
    "prune",
)
_GROUPS = {"scenarios": "List, show and check scenarios."}
_log = logging.getLogger("bisect_run.cli")
_errors = logging.getLogger("bisect_run.errors")
"""Logs what ended a command; `-v` leaves it out, because it is printed to stderr anyway."""


def command_line(names: Iterable[str] = (*_COMMANDS, *_GROUPS)) -> typer.Typer:
    """Return the command line with these commands; each is imported from the module of its name."""
    app = typer.Typer(
        name="bisect-run",
        help=(
            "Find the commit that broke a test. Made for LLM-serving engines; works with any project.\n\n"
            "`bisect-run --good A --bad B` means `bisect-run run --good A --bad B`."
        ),
        epilog=epilog("bisect-run demo", "bisect-run --good v0.8.0 --bad main"),
        callback=_root,
        add_help_option=False,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name in names:
        module = importlib.import_module(f"bisect_tool.cli.{name}")
        if name in _GROUPS:
            app.add_typer(module.app, name=name, help=_GROUPS[name], epilog=epilog(*module.EXAMPLES))
        else:
            app.command(name, epilog=epilog(*module.EXAMPLES))(getattr(module, name))
    return app


def _overview() -> typer.Typer:
    """Return the command line with a summary of each command, without importing the commands."""
    app = command_line(())
    for name in _COMMANDS:
        app.command(name, help=_summary(name))(_placeholder)
    for name, what in _GROUPS.items():
        app.command(name, help=what)(_placeholder)
    return app


def _summary(command: str) -> str | None:
    """Return the docstring of a command, read from its source."""
    tree = ast.parse(Path(__file__).with_name(f"{command}.py").read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return next((ast.get_docstring(node) for node in functions if node.name == command), None)


def _placeholder() -> None:
    """Placeholder of a command in the overview of `--help`."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bisect-run {__version__}")
        raise typer.Exit


def _verbose(wanted: bool) -> None:
    if wanted:
        be_verbose(without=_errors.name)


def _help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(context.get_help())
        raise typer.Exit


# Typer's own --help has no default, and Typer imports pydantic to convert the None that it gets instead.
def _root(
    verbose: Annotated[
        bool,
        typer.Option(
            "-v", "--verbose", callback=_verbose, is_eager=True, help="Show the diagnostic log on stderr."
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    help: Annotated[  # noqa: A002
        bool, typer.Option("--help", callback=_help, is_eager=True, help="Show this message and exit.")
    ] = False,
) -> None:
    pass


def _program(name: str) -> Any:  # noqa: ANN401  # see below
    """Return click's program with one command or group."""
    gc.disable()  # imports create no garbage; collecting takes a tenth of the start-up time
    app = command_line((name,))
    gc.enable()
    return _click_program(app)


def _click_program(app: typer.Typer) -> Any:  # noqa: ANN401  # Typer's click or, with older ones, click's own
    """Return click's program, with its -v and --help in every command, before or after its own options."""
    program: Any = typer.main.get_command(app)
    shared = [each for each in program.params if each.name in {"verbose", "help"}]
    for option in shared:
        option.expose_value = False
    commands = [*program.commands.values()]
    while commands:
        command = commands.pop()
        command.add_help_option = False
        command.params += shared
        commands += getattr(command, "commands", {}).values()
    return program


def dispatch(arguments: list[str]) -> int:
    """Run the command named by the first argument; returns the exit code of the process."""
    held_back = removed_from(os.environ)
    with writer.unfailing() as stdout, held_back, diagnostics.recording() as recorder:
        code = _run(arguments)
        if stdout.failure is not None and code in RESULT_CODES:
            print_error(f"cannot write to standard output: {stdout.failure.strerror}", _UNWRITTEN_HINT)
            code = ExitCode.ENVIRONMENT
        _errors.info("exit code %d", code)
        if code in CODES_WITH_DETAILS and recorder.path:
            notify(f"Details: {recorder.path}")
        return code


def _check_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UsageError("the current directory no longer exists", "cd to an existing directory.") from None


def _check_command(program: Any, arguments: list[str]) -> None:  # noqa: ANN401  # click's, as above
    """Reject `--` with nothing after it (usually an unset shell variable): it would run a scenario."""
    parameters = program.commands[arguments[0]].params
    if arguments.index("--") == len(arguments) - 1 and any(each.name == "command" for each in parameters):
        raise UsageError(
            "there is no command after --", "Add a command or remove the --. Is a shell variable unset?"
        )


def _run(arguments: list[str]) -> int:
    try:
        diagnostics.set_level(os.environ)
        _log.info("bisect-run %s, Python %s: %s", __version__, sys.version.split()[0], shlex.join(arguments))
        _check_folder()
        named = arguments[0] in (*_COMMANDS, *_GROUPS)
        program = _program(arguments[0]) if named else _click_program(_overview())
        if named and "--" in arguments:
            _check_command(program, arguments)
        return int(program.main(arguments, prog_name="bisect-run", standalone_mode=False) or 0)
    except _TYPER_ERROR as error:
        usage_error = ci_option_error(arguments[0], error) or _usage_error(arguments[0], error)
        print_error(usage_error.message, usage_error.hint)
        return usage_error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BisectError as error:
        _errors.error("%s", error.message, exc_info=error.exit_code in CODES_WITH_DETAILS)
        print_error(error.message, error.hint)
        return error.exit_code
    except SystemExit as error:  # Typer raises it with code 1 for every broken pipe
        return _unexpected(error.__context__ or error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug of ours has its own exit code
        return _unexpected(error)


def _usage_error(command: str, error: Exception) -> UsageError:
    message = getattr(error, "format_message", error.__str__)()
    prefix = f"{command} " if command in _COMMANDS else ""
    return UsageError(message.replace("Value error, ", ""), f"See `bisect-run {prefix}--help`.")


def _unexpected(error: BaseException) -> int:
    _errors.error("unexpected", exc_info=error)
    if is_disk_error(error):
        print_error(
            f"disk error: {error}",
            "Free some space or set BISECT_RUN_HOME to a writable directory, then try again.",
        )
        return ExitCode.ENVIRONMENT
    if is_resource_error(error):
        what = str(error) or type(error).__name__
        print_error(
            f"this machine's memory, processes or open files are used up: {what}",
            "End other work, or raise the limits that `ulimit -a` shows, then try again.",
        )
        return ExitCode.ENVIRONMENT
    notify("".join(traceback.format_exception(error)).rstrip())
    print_error(
        f"internal error, a bug in bisect-run: {type(error).__name__}",
        "Please report it with the traceback above.",
    )
    return ExitCode.BUG
