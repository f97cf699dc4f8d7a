"""`bisect-run triage` from the command line."""

import json
from functools import partial
from pathlib import Path

import pytest
import requests

from bisect_tool.triage import fetch

PAGES = Path(__file__).parents[1] / "triage" / "saved_issue"
STORY = PAGES / "story.md"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A copy of the page in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "issue.md").write_text(STORY.read_text())
    return "issue.md"


def test_report_has_ends_fixes_and_commands(cli, page):
    ended = cli("triage", page)
    assert ended.code == 0
    assert "  last pass: commit a97954b6, build #54783, 2026-03-05  [stated]\n" in ended.out
    assert '"Last passing build: #54783 (daily of Mar 5, commit a97954b6)"' in ended.out
    assert "the final fix if it was merged" in ended.out
    assert (
        "\n      bisect-run --repo https://github.com/vllm-project/vllm --good a97954b6 --bad 5afb387b"
        in ended.out
    )
    assert "\n      bisect-run explain issue.md\n" in ended.out


def test_proposed_cells_are_those_of_the_scenario(cli, page):
    commands = json.loads(cli("triage", page, "--json").out)["commands"]
    assert "--scenario external-lb-dp" in commands[0]["argv"]


def test_json_is_versioned(cli, page):
    document = json.loads(cli("triage", page, "--json").out)
    assert (document["schema"], document["command"], document["issue"]) == (1, "triage", 36624)
    assert (document["ended_by"], document["final"]) == (36628, 36666)


def test_markdown_has_the_commands_in_fences(cli, page):
    ended = cli("triage", page, "--markdown")
    assert ended.out.startswith("## Triage\n")
    assert "```sh\nbisect-run --repo https://github.com/vllm-project/vllm" in ended.out


def test_markdown_quotes_a_sentence_once_for_each_item(cli, tmp_path):
    (tmp_path / "page.md").write_text("# ada/engine#3: red\n\nFixed by #5, reverted in #7.\n")
    shown = cli("triage", tmp_path / "page.md", "--markdown").out
    item = shown.partition("- PR `#7`: revert; merged; reverts `#5`")[2].partition("\n\n- ")[0]
    assert item.count("`Fixed by #5, reverted in #7.`") == 1
    assert "\n\n  The page says that it reverts a change.\n\n  line 3: " in item


def test_page_from_standard_input(cli, page, monkeypatch):
    with open(page) as stdin:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", stdin)
        ended = cli("triage", "-", "--json")
    document = json.loads(ended.out)
    assert document["good"]["commit"]["value"] == "a97954b6"
    assert document["commands"][-1]["argv"] == "bisect-run explain LOG"


def test_page_without_ends_is_inconclusive(cli, tmp_path):
    (tmp_path / "page.txt").write_text("It fails since #12.\n")
    ended = cli("triage", tmp_path / "page.txt")
    assert ended.code == 3
    assert "last pass: not known" in ended.out
    assert "--good GOOD --bad BAD" in ended.out


def test_network_that_is_down_is_exit_5(cli, monkeypatch):
    def get(*_, **__):
        raise requests.ConnectionError

    waits = []
    monkeypatch.setattr(requests.Session, "get", get)
    monkeypatch.setattr(fetch, "fetch_page", partial(fetch.fetch_page, sleep=waits.append))
    ended = cli("triage", "https://github.com/vllm-project/vllm/issues/36624")
    assert ended.code == 5
    assert "save the page, and run `bisect-run triage FILE` on it" in ended.err
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"  \n", "contains no text"), (b"\x89PNG\0\0", "contains no text")],
)
def test_file_that_is_no_page(cli, tmp_path, content, why):
    if content is not None:
        (tmp_path / "page").write_bytes(content)
    ended = cli("triage", tmp_path / "page")
    assert ended.code == 2
    assert why in ended.err


def test_two_formats_at_once_are_misuse(cli, page):
    assert cli("triage", page, "--json", "--markdown").code == 2


def test_secrets_of_the_environment_are_masked(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "abcdef123456")
    (tmp_path / "page.txt").write_text("It was caused by #12, see abcdef123456.\n")
    assert "abcdef123456" not in cli("triage", tmp_path / "page.txt", "--json").out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_page_saved_by_powershell(cli, tmp_path, encoding):
    page = tmp_path / "issue.md"
    page.write_bytes("Last good commit: 3333333ccc\nFirst bad commit: 4444444ddd\n".encode(encoding))
    ended = cli("triage", page, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["good"]["commit"]["value"] == "3333333ccc"
