"""The advice for a command that was given in a subfolder, where no commit passes."""

from pathlib import Path

import pytest
import sample_documents as documents

from bisect_tool.checks import CommandCheck
from bisect_tool.cli.endpoint_advice import subfolder_note


@pytest.mark.parametrize(
    ("folder", "note"),
    [
        ("services/api", "-- sh -c 'cd services/api && ...'"),
        ("a b", """-- sh -c 'cd '"'"'a b'"'"' && ...'"""),
        (".", ""),
        ("absent", ""),
    ],
)
def test_command_that_runs_in_the_subfolder_is_proposed(tmp_path, folder, note):
    (tmp_path / ".git").mkdir()
    if folder != "absent":
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    document = documents.all_green().model_copy(
        update={"repo": str(tmp_path / folder), "check": CommandCheck(argv=("./check.sh",))}
    )
    assert subfolder_note(document).endswith(note) if note else not subfolder_note(document)
    assert not subfolder_note(document.model_copy(update={"check": None}))


def test_repository_url_has_no_note():
    document = documents.all_green().model_copy(update={"check": CommandCheck(argv=("./check.sh",))})
    assert not Path(document.repo).is_dir()
    assert not subfolder_note(document)
