"""Malicious pages, and content that is no page."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.render.triage import sections, to_json
from bisect_tool.render.triage_markdown import markdown
from bisect_tool.triage import page
from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.html_page import escape_unclosed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page

STORY = (Path(__file__).parent / "saved_issue" / "story.md").read_text(encoding="utf-8")


def read(text):
    return completed(analyse(read_page(text)), Context())


def test_commands_of_a_page_are_never_suggested():
    found = read(
        "o/p#1\n\n## Failing tests\n\n`pytest 'x; rm -rf ~'/test_a.py::test_b[$(reboot)]`\n"
        "\nLast good commit: c911120a\n\nFirst bad build: #12 (commit b2fb83e7; reboot)\n"
    )
    for command in found.commands:
        words = shlex.split(command.argv)
        assert words[0] == "bisect-run"
        assert not {"rm", "reboot", "|", ";", "&&"} & {*words}
    assert "'*test_b[$(reboot)]'" in found.commands[0].argv


def test_file_that_looks_like_an_option_is_no_test():
    found = read("## Failing tests\n\n--rootdir/test_a.py -x/test_b.py test_c.py")
    assert not any(test.file.startswith("-") for test in found.tests)


def test_control_characters_do_not_reach_a_report():
    found = read(
        "## Failing test\n\ntest_a.py::test_b[\x1b[31mx\x07\u202e]\n\nIt was caused by #12\x1b]0;title\x07.\n"
    )
    shown = to_json(found) + markdown(found)
    assert not {"\x1b", "\x07", "\u202e"} & {*shown}
    assert "\\u001b" not in shown


def test_escapes_of_json_are_sanitised():
    found = read(
        '{"number": 1, "title": "a\\u001b[31mb", "html_url": "https://github.com/o/p/pull/1", "body": "x",'
        ' "merged_at": "\\u001b[0m2026", "merge_commit_sha": "--help", "pull_request": {}}'
        '{"number": 2, "title": "Revert \\u001b]0;x\\u0007y (#3)", "merged_at": null, "body": null}'
        '{"number": 7, "commit": "--help", "state": "failed", "web_url": "https://buildkite.com/o/p/builds/7"}'
    )
    assert found.title == "ab"
    assert found.bad.commit is None
    assert [fix.title for fix in found.fix_candidates] == ["Revert y (#3)"]
    assert "\\u001b" not in to_json(found)
    assert "--help" not in to_json(found)


@pytest.mark.parametrize("created", ["9999-12-31T00:00:00Z", "0000-01-01", "99999-01-01"])
def test_page_of_an_invalid_year_has_no_dates_without_one(created):
    issue = {
        "number": 1,
        "title": "red",
        "html_url": "https://github.com/o/r/issues/1",
        "created_at": created,
        "body": "Last good build: Dec 31\nFirst bad build: Dec 31",
    }
    assert "12-31" not in to_json(read(json.dumps(issue)))


def test_markup_of_a_page_has_no_effect_in_markdown():
    shown = markdown(read("@everyone <img src=x> caused by #12 `a` ![x](https://example.org/y.png)"))
    outside = "".join(part for at, part in enumerate(shown.split("`")) if at % 2 == 0)
    assert "@everyone" not in outside
    assert "<img" not in outside


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        "[" * 5000,
        "<html>",
        "<html><pre><pre></table></h9>",
        "```\nnever closed",
        "\n\n\n",
        "#",
        '{"title": 7, "number": "x"}',
        '{"title": "t", "number": 1, "body": null, "comments": [{"body": 3}], "html_url": 4}',
        '{"number": 99999999999999999999, "commit": "a", "web_url": "https://buildkite.com/a/b/builds/1"}',
    ],
)
def test_page_without_facts(text):
    found = read(text)
    assert not found.has_ends
    assert found.suspects == ()
    assert found.commands


def test_mentions_of_a_page_are_truncated():
    found = read("Red builds: " + ", ".join(f"#{number}" for number in range(1000, 1200)))
    shown = next(section for section in sections(found) if section.title == "Builds")
    assert len(found.builds) == 200
    assert "and 180 more" in shown.items[0].text


@pytest.mark.parametrize("begin", ["<!--", "<a", "<a href=", "<a b='", "<x "])
def test_tags_that_never_end_are_text(begin):
    page = "<html><p>It was caused by #12.</p>" + 500 * begin
    assert "<" not in escape_unclosed(page).rpartition(">")[2]
    assert [each.pull for each in read(page).suspects] == [12]


def test_comment_that_never_ends_hides_no_tag():
    assert escape_unclosed("<!-- a --><p>b<!-- c</p>") == "<!-- a --><p>b&lt;!-- c</p>"


def test_long_line_is_truncated():
    found = read("caused by #12 " + "x" * 100_000)
    assert found.suspects[0].pull == 12
    assert len(found.suspects[0].source.text) <= 300


def calls(text):
    """The number of function calls for reading a text: the work, independent of the machine."""
    count = 0

    def counted(_frame, event, _arg):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


LISTS = {
    "numbers": "#{0}, ",
    "numbers of a sentence": "caused by #{0} or ",
    "commits": "{0:07d}abc ",
    "commits of a label": "last good commit: {0:07d}abc\n",
    "culprits": "caused by #{0}\n",
    "fixes": "Fixed by #{0}.\n",
    "reverts": "#{0} was reverted in #{1}.\n",
    "pull requests": "## PR #{0}: Revert a change (#{1})\n\nFixes #{1}\n",
    "builds": "red builds: #{0}\n",
    "builds of pipelines": "https://buildkite.com/o/p{0}/builds/1\n",
    "tests": "FAILED test_a.py::test_{0}\n",
    "sentences": "It is {0}. ",
    "quoted blocks": "```\nError: {0}\n```\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_work_is_linear_in_the_length_of_the_page(kind):
    line = LISTS[kind]
    short, long = ("".join(line.format(at, at + 1) for at in range(1000, 1000 + n)) for n in (200, 400))
    read(long)  # fill caches and import modules
    assert calls(long) < 2.5 * calls(short)


def test_page_is_read_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(page, "CHARACTERS", 2000)
    line = "It was caused by #12.\n"
    read(line)
    assert calls(line * 1000) < 1.5 * calls(line * 200)


def test_truncated_page_has_a_note(monkeypatch):
    monkeypatch.setattr(page, "CHARACTERS", 100)
    found = read("It was caused by #12.\n" * 5)
    assert [(note.value, note.source.place) for note in found.notes] == [("read in part", "line 5")]
    assert "was not read from line 5 on" in markdown(found)


def test_prose_behind_a_long_quote_is_read(monkeypatch):
    monkeypatch.setattr(page, "CHARACTERS", 100)
    found = read("```\n" + "INFO a log\n" * 100 + "```\n\nIt was caused by #12.\n")
    assert [each.pull for each in found.suspects] == [12]


def test_line_that_lists_many_changes_blames_none():
    assert read("caused by " + ", ".join(f"#{number}" for number in range(100))).suspects == ()


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_damaged_page_never_fails(data):
    start = data.draw(st.integers(0, len(STORY)))
    end = data.draw(st.integers(start, len(STORY)))
    noise = data.draw(st.text(max_size=40))
    read(STORY[:start] + noise + STORY[end:])
