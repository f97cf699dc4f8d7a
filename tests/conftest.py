"""What holds for all tests: which plugins their suites load, and that compiled modules are kept."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_starts():
    """The programs that tests start do at their start what an installed program does, and no more.

    With `-B`, pytest compiles all of hypothesis and anyio at each start: a second of CPU time for nothing.
    The demo that `.ci/run` begins with loads what it finds. Where compiled modules are not kept, each start
    of `bisect-run` compiles all of it: another second.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield
