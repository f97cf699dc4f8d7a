"""What a session proposes where its ends do not show the regression."""

from pathlib import Path

import documents
import pytest

from bisect_tool.cli.run_session import _in_a_subfolder
from bisect_tool.request import CommandCheck


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("services/api", "-- sh -c 'cd services/api && ...'"),
        ("a b", """-- sh -c 'cd '"'"'a b'"'"' && ...'"""),
        (".", ""),
        ("absent", ""),
    ],
)
def test_a_command_begun_in_a_subfolder_is_led_back_there(tmp_path, folder, said):
    (tmp_path / ".git").mkdir()
    if folder != "absent":
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    document = documents.all_green().model_copy(
        update={"repo": str(tmp_path / folder), "check": CommandCheck(argv=("./check.sh",))}
    )
    assert _in_a_subfolder(document).endswith(said) if said else not _in_a_subfolder(document)
    assert not _in_a_subfolder(document.model_copy(update={"check": None}))


def test_a_url_is_no_subfolder():
    document = documents.all_green().model_copy(update={"check": CommandCheck(argv=("./check.sh",))})
    assert not Path(document.repo).is_dir()
    assert not _in_a_subfolder(document)
