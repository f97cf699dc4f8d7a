"""`bisect-run scenarios`: list, show and check them."""

from __future__ import annotations

from typing import Annotated

import typer

from bisect_tool.cli.examples import epilog

EXAMPLES = ("bisect-run scenarios list", "bisect-run scenarios show external-lb-dp")

app = typer.Typer(invoke_without_command=True)

Name = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Bundled scenario, or path to a scenario directory.")
]


@app.callback()
def scenarios_(context: typer.Context) -> int:
    """List, show and check scenarios; without a command, list them."""
    return list_() if context.invoked_subcommand is None else 0


@app.command("list", epilog=epilog("bisect-run scenarios", "bisect-run scenarios list"))
def list_() -> int:
    """List the bundled scenarios."""
    from bisect_tool import scenario as scenarios
    from bisect_tool.terminal.writer import write

    for name, folder in scenarios.available().items():
        write(f"{name:20} {scenarios.load(str(folder)).description}")
    return 0


@app.command(
    "show",
    epilog=epilog("bisect-run scenarios show external-lb-dp", "bisect-run scenarios show ./my-scenario"),
)
def show(name: Name) -> int:
    """Show a scenario's profiles and cells."""
    from bisect_tool import scenario as scenarios
    from bisect_tool.terminal.writer import write
    from bisect_tool.trial.cells import collect_cells

    # The launch values are printed as written: what dp_size means is up to the suite.
    found = scenarios.load(name)
    write(f"{found.name}: {found.description}")
    if not found.suite:
        write(f"suite: the repository's own tests, by --pytest\nprofiles: {', '.join(found.profiles)}")
        return 0
    write(f"suite: {found.suite_path}\nrepository: {found.repository}\n\nprofiles:")
    for title, profile in found.profiles.items():
        launch = profile.launch
        gpu = ", needs a GPU" if profile.needs_gpu else ""
        write(f"  {title:13} dp_size {launch.dp_size}, tp_size {launch.tp_size}, model {launch.model}{gpu}")
    write("\ncells:")
    for cell in collect_cells(found):
        write(f"  {cell}")
    return 0


@app.command(
    "check",
    epilog=epilog("bisect-run scenarios check external-lb-dp", "bisect-run scenarios check ./my-scenario"),
)
def check(name: Name) -> int:
    """Validate a scenario: its files and its test suite.

    Exits with 2 and a message if something is wrong.
    """
    from bisect_tool import scenario as scenarios
    from bisect_tool.format import count
    from bisect_tool.terminal.writer import write
    from bisect_tool.trial.cells import collect_cells
    from bisect_tool.trial.check_launch_files import check_launch_files
    from bisect_tool.trial.config import check_templates

    found = scenarios.load(name)
    check_templates(found)
    check_launch_files(found)
    parts = [count(len(found.profiles), "profile")]
    parts += [count(len(collect_cells(found)), "cell")] if found.suite else []
    write(f"{found.name}: {', '.join(parts)}: ok")
    return 0
