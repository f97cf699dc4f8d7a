"""The command line: `bisect-run`."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import click
import typer

from bisect_tool import __version__
from bisect_tool.cli import demo, doctor, plan, report, resume, run, scenarios, status, step
from bisect_tool.cli.output import say_error
from bisect_tool.errors import BisectError, ExitCode

app = typer.Typer(
    name="bisect-run",
    help="Name the commit that turned an LLM-serving engine's multi-process tests red.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("plan")(plan.plan)
app.command("resume")(resume.resume)
app.command("status")(status.status)
app.command("report")(report.report)
app.command("step")(step.step)
app.command("doctor")(doctor.doctor)
app.add_typer(scenarios.app, name="scenarios")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bisect-run {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """The way in: `run` is what is meant when no command is named. Ends the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0].startswith("-") and words[0] not in ("--help", "--version"):
        words = ["run", *words]
    sys.exit(_guarded(words))


def _guarded(words: list[str]) -> int:
    stepping = words[:1] == ["step"]
    try:
        code = app(words, standalone_mode=False)
    except click.exceptions.Abort:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        say_error(error.format_message(), "`bisect-run --help` shows how it is used.")
        return step.ABORT if stepping else ExitCode.USAGE
    except BisectError as error:
        say_error(error.message, error.hint)
        return step.ABORT if stepping else error.exit_code
    except KeyboardInterrupt:
        return step.ABORT if stepping else ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug of ours has its own exit code
        traceback.print_exc()
        say_error(f"this is a bug of bisect-run: {type(error).__name__}", "Please report it with the lines above.")
        return step.ABORT if stepping else ExitCode.BUG
    return int(code or 0)
