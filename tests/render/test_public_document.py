"""An issue body contains no folders of this machine, and its command can be rerun."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.render.markdown import markdown
from bisect_tool.render.public_document import public

ORIGIN = "https://github.com/vllm-project/vllm"
TREE = "/home/ada/.cache/bisect-run/worktrees/vllm-1f2e/slot-0"
LOGS = "/home/ada/.local/state/bisect-run/sessions/20260306-101500-1a2b/trials"


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/people/ada lovelace")
    monkeypatch.delenv("BISECT_RUN_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def hidden(text, **more):
    return public(documents.document(conclusion=text, repo="/home/ada/vllm", **more)).conclusion


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'File "{TREE}/vllm/a.py", line 3', 'File "vllm/a.py", line 3'),
        (f"in {TREE}", "in "),
        ("/tmp/home/cache/worktrees/x-1/slot-12/a.py", "a.py"),
        ('"/srv/people/ada lovelace/.cache/bisect-run/worktrees/v-1/slot-1/a.py"', '"a.py"'),
        ("/srv/people/ada lovelace/.bashrc", "~/.bashrc"),
        (f"see {LOGS}/001-abc/suite.log", "see <logs>/suite.log"),
        ("see /data/state/sessions/20260306-101500-1a2b/bisect-run.log", "see <logs>"),
        ("/home/ada/vllm/tests/x.py and /home/ada/vllm-old/y", "./tests/x.py and ~/vllm-old/y"),
        ("/home/bob/x, /Users/bob/x; /root/x", "~/x, ~/x; ~/x"),
        ("no /homework, /rooted or https://x.org/home/ada", "no /homework, /rooted or https://x.org/home/ada"),
        ("lock in /tmp/bisect-run-ab12cd_9/lock", "lock in $TMPDIR/lock"),
        ("/usr/lib/python3.11/json/decoder.py", "/usr/lib/python3.11/json/decoder.py"),
    ],
)  # fmt: skip
def test_folders_of_this_machine_are_hidden(text, shown):
    assert hidden(text) == shown


@pytest.mark.parametrize(
    ("rerun", "shown"),
    [
        ("bisect-run --repo /home/ada/vllm --good a --bad b", f"bisect-run --repo {ORIGIN} --good a --bad b"),
        ("bisect-run --repo /home/ada/vllm -- ./check.sh", f"bisect-run --repo {ORIGIN} -- ./check.sh"),
        ("bisect-run -- /home/ada/checks/it.sh -x", "bisect-run -- ./it.sh -x"),
        ("bisect-run -- /srv/ci/it.sh", "bisect-run -- ./it.sh"),
        ("bisect-run -- /home/ada/vllm/.venv/bin/python a.py", "bisect-run -- ./.venv/bin/python a.py"),
        ("bisect-run -- /usr/bin/make test", "bisect-run -- /usr/bin/make test"),
        ("bisect-run -- sh -c 'cd /home/ada/x && make'", "bisect-run -- sh -c 'cd ~/x && make'"),
        ("bisect-run --scenario /home/ada/scenarios/mine", "bisect-run --scenario ./mine"),
        ("an 'unbalanced quote", "an 'unbalanced quote"),
    ],
)  # fmt: skip
def test_the_command_can_be_rerun_by_others(rerun, shown):
    document = documents.document(rerun=rerun, repo="/home/ada/vllm", origin=ORIGIN)
    assert public(document).rerun == shown


def test_without_a_public_address_it_runs_in_a_clone():
    body = markdown(
        documents.document(rerun="bisect-run --repo /home/ada/vllm -- make", repo="/home/ada/vllm")
    )
    assert (
        "Run it in a clone of the repository, which has no public URL:\n\n"
        "```bash\nbisect-run --repo . -- make\n" in body
    )
    assert "- repository: `vllm`\n" in body
    assert "no public URL" not in markdown(documents.document(repo="/home/ada/vllm", origin=ORIGIN))
    assert "no public URL" not in markdown(documents.document(repo=ORIGIN))


def test_report_has_the_files_of_the_check():
    body = markdown(documents.command())
    assert f"## Check\n\n`check.sh` is not in the repository. Its SHA-256 is `{'1f2e' * 16}`.\n" in body
    assert f"\n````sh\n{documents.CHECK}````\n" in body
    assert f"\n\n`data.py` is not in the repository. Its SHA-256 is `{'3a4b' * 16}`; it is too" in body


def test_subjects_of_commits_are_not_changed():
    subject = "Let /root/.cache be read"
    commits = {documents.CULPRIT: documents.commit(documents.CULPRIT, subject)}
    assert public(documents.document(commits=commits)).commits == commits


@pytest.mark.parametrize(
    "name", ["culprit", "two_culprits", "merge", "command", "inconclusive", "repro", "fixes"]
)
def test_no_report_has_a_folder_of_this_machine(name):
    body = markdown(getattr(documents, name)())
    assert "/home/" not in body
    assert ".local/state" not in body
