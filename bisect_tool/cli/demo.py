"""`bisect-run demo`: the whole tool on the reference engine's bundled history."""

from __future__ import annotations

from bisect_tool import scenario as scenarios
from bisect_tool import session as sessions
from bisect_tool.cli import options
from bisect_tool.cli.doctor import INSTALL_ENGINE, missing_packages
from bisect_tool.cli.drive import drive
from bisect_tool.cli.output import say
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.history.replay import replay
from bisect_tool.home import home
from bisect_tool.resolve import Words, resolve
from bisect_tool.store import Store


def demo(cells: options.Cells = None, as_json: options.AsJson = False) -> int:
    """Bisect the bundled history of the reference engine.

    Needs the extra `engine`, and a minute or two.
    """
    missing = missing_packages()
    if missing:
        raise EnvironmentFailed(f"the demo's engine lacks {', '.join(missing)}", INSTALL_ENGINE)
    here = home()
    series = scenarios.scenarios_root() / "reference_engine" / "series.toml"
    repository = here.cache / "reference-engine.git"
    history = replay(series, repository)
    words = Words(
        goods=(history.labels["good"],),
        bad=history.labels["bad"],
        repo=str(repository),
        profile="reference",
        cells=tuple(cells or ()),
    )
    store = Store(here.store)
    session = sessions.create(resolve(words, here, say, "demo"), store, here)
    return drive(session, store, as_json)
