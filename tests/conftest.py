"""What holds for all tests: the suites that they run load the plugins they name, and no others."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_other_plugins():
    """With `-B`, pytest compiles all of hypothesis and anyio at each start: a second of CPU time for nothing.

    The demo that `.ci/run` begins with loads what it finds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield
