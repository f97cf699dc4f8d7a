"""The document of the GPU check as a Markdown page, for docs/real-runs/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MIB = 1 << 20


def page(report: Mapping[str, Any]) -> str:
    """Render a document, which may lack steps that have not run yet."""
    gpu = report["gpu"]
    lines = [
        f"# {gpu['name']}, {gpu['total'] // MIB} MiB",
        "",
        f"Python {report['python']}, torch {report['torch']}.",
        "",
        *_table(("check", "result"), ((name, _passed(each)) for name, each in report["checks"].items())),
        "",
        *_table(("step", "figures"), ((name, _figures(step)) for name, step in report["steps"].items())),
        "",
        "Memory of the device in MiB, before, at most during, and after each trial of the demo:",
        "",
        *_table(("commit", "outcome", "before", "during", "after"), map(_trial, report["trials"])),
    ]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _trial(trial: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = (trial[f"memory_{when}"] for when in ("before", "peak", "after"))
    return (
        trial["sha"][:9],
        trial["outcome"],
        *map(_mib, sizes),
    )


def _passed(result: bool) -> str:
    return "ok" if result else "**failed**"


def _figures(step: Mapping[str, Any] | None) -> str:
    """Name each figure of a step; lists of seconds stay in their order."""
    if step is None:
        return "did not end"
    return ", ".join(f"{name} {_figure(name, value)}" for name, value in step.items())


def _figure(name: str, value: Any) -> str:  # noqa: ANN401 - any figure
    if name == "held":
        return f"{value // MIB} MiB"
    if name == "memory":
        return "; ".join("/".join(map(_mib, sizes)) for sizes in value) + " MiB"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _mib(size: int | None) -> str:
    return "?" if size is None else str(size // MIB)
