"""The demo of a failure that depends on the order of the tests."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bisect_tool.cli import demo as command
from bisect_tool.errors import UsageError
from bisect_tool.report.document import Document

MAIN = "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])"
CULPRIT = "f45ad67781f8b6c7e8336af4295d1d5ed3462dc8"
FIRST = "test_external_lb_server_info[1]"


def test_it_is_one_history_or_the_other():
    with pytest.raises(UsageError, match="different histories"):
        command.demo(flaky=True, order=True)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_cells_before_and_the_culprit_are_named(tmp_path):
    """One cell of each group is enough, and quicker than all."""
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "demo", "--order", "--json", "--cells", "*server_info*"],
        env={**os.environ, "BISECT_RUN_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    document = Document.model_validate_json(ended.stdout)
    red = {name: cell for name, cell in document.cells.items() if name.endswith("[4]")}
    assert len(red) == 1
    for cell in red.values():
        assert (cell.finding, cell.culprit.sha) == ("culprit", CULPRIT)
        assert (cell.order_dependent, cell.after) == (True, (FIRST,))
        assert {name.rpartition("-")[2] for name in cell.left_behind} == {"dp0", "dp1"}
    assert {cell.finding for name, cell in document.cells.items() if name not in red} == {"green"}
