"""A folder to run the templates' scripts in."""

import pytest
from stand_ins import SCRIPTS, Place


@pytest.fixture
def place(tmp_path):
    (tmp_path / "programs").mkdir()
    (tmp_path / ".bisect-run").symlink_to(SCRIPTS)
    return Place(tmp_path)
