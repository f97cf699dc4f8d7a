"""The advice for a command that was started in a subfolder, where no commit passes."""

import pytest
import sample_documents as documents

from bisect_tool.checks import CommandCheck
from bisect_tool.cli.endpoint_advice import subfolder_note


def of_command(repo):
    check = CommandCheck(argv=("./check.sh",))
    return documents.all_green().model_copy(update={"repo": str(repo), "check": check})


@pytest.mark.parametrize(
    ("folder", "note"),
    [
        ("services/api", "-- sh -c 'cd services/api && ...'"),
        ("a b", """-- sh -c 'cd '"'"'a b'"'"' && ...'"""),
        (".", ""),
    ],
)
def test_command_that_runs_in_the_subfolder_is_proposed(tmp_path, monkeypatch, folder, note):
    (tmp_path / ".git").mkdir()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    document = of_command(tmp_path)
    assert subfolder_note(document).endswith(note) if note else not subfolder_note(document)
    assert not subfolder_note(document.model_copy(update={"check": None}))


@pytest.mark.parametrize("repo", ["/elsewhere", "https://git.example.org/engine"])
def test_repository_elsewhere_has_no_note(tmp_path, monkeypatch, repo):
    (tmp_path / ".git").mkdir()
    (tmp_path / "api").mkdir()
    monkeypatch.chdir(tmp_path / "api")
    assert not subfolder_note(of_command(repo))
