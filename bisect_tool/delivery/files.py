"""Write the result of a night and of each cause into a folder, each file atomically."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery.markers import identifier
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import expanded
from bisect_tool.render.nightly_cause_markdown import report
from bisect_tool.render.nightly_html import cause_html, nightly_html
from bisect_tool.render.nightly_junit import junit
from bisect_tool.render.nightly_markdown import nightly_markdown
from bisect_tool.supervise.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.json_document.nightly import NightlyDocument


def write_files(night: NightlyDocument, folder: str) -> None:
    """Write the night in each format, and `cause-FINGERPRINT.json`, `.md` and `.html` of each cause.

    Raises:
        EnvironmentFailed: a file cannot be written.
    """
    path = expanded(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, content in _contents(night):
            write_atomically(path / name, content)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write to {path}: {error.strerror}",
            "Check the disk space and permissions of --out. The result itself is stored in the home.",
        ) from error


def _contents(night: NightlyDocument) -> Iterator[tuple[str, str]]:
    yield "nightly.json", f"{night.to_json()}\n"
    yield "nightly.md", nightly_markdown(night)
    yield "nightly.html", nightly_html(night)
    yield "junit.xml", junit(night)
    for cause in night.causes:
        name = f"cause-{identifier(cause)}"
        yield f"{name}.json", f"{cause.model_dump_json(indent=2, by_alias=True)}\n"
        yield f"{name}.md", report(night, cause)
        yield f"{name}.html", cause_html(night, cause)
