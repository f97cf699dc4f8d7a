"""The scripts of the `/bisect` comment: permissions, accepted commands, and answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GH = """
if "permission" in sys.argv[2]:
    print({permission!r})
"""
GOOD, BAD = "a97954b6a8fa", "v0.8.0"


@pytest.fixture
def parse(place):
    """Parse a comment by an author with a permission; returns the code, the outputs and the reactions."""

    def run(body, permission="write", author="ada"):
        place.stand_in("gh", GH.format(permission=permission))
        output = place.folder / "output"
        output.write_text("")
        before = len(place.calls)
        ended = place.run(
            ".bisect-run/comment-parse.sh",
            COMMENT_BODY=body,
            COMMENT_ID="7",
            COMMENT_AUTHOR=author,
            GITHUB_REPOSITORY="owner/engine",
            GITHUB_OUTPUT=str(output),
        )
        reactions = [call[-1] for call in place.calls[before:] if "POST" in call]
        values = dict(line.split("=", 1) for line in output.read_text().splitlines())
        assert ended.stdout == ""
        return ended.returncode, values, reactions

    return run


@pytest.mark.parametrize(
    ("body", "cells"),
    [
        (f"/bisect {GOOD} {BAD}", ""),
        (f"/bisect  {GOOD}   {BAD}  ", ""),
        (f"/bisect {GOOD} {BAD}\r\nBecause it is red.\n", ""),
        (f"/bisect {GOOD} {BAD} test_a[4]", "test_a[4]"),
        (f"/bisect {GOOD} {BAD} *[4] tests/a.py::test_b[2-4]", "*[4] tests/a.py::test_b[2-4]"),
    ],
)
def test_command_is_parsed(parse, body, cells):
    assert parse(body) == (0, {"good": GOOD, "bad": BAD, "cells": cells}, ["content=eyes"])


@pytest.mark.parametrize(
    "body",
    [
        "/bisect",
        f"/bisect {GOOD}",
        f"/bisect {GOOD}\n{BAD}",
        f" /bisect {GOOD} {BAD}",
        f"see\n/bisect {GOOD} {BAD}",
        f"/bisector {GOOD} {BAD}",
        f"/bisect -x {BAD}",
        f"/bisect {GOOD} --repo",
        f"/bisect {GOOD} {BAD} --json",
        f"/bisect {GOOD} {BAD} -",
        f"/bisect {GOOD} {BAD}; id",
        f"/bisect {GOOD} $(id)",
        f"/bisect {GOOD} `id`",
        f"/bisect {GOOD} {BAD} a|b",
        f"/bisect {GOOD} {BAD} a&b",
        f"/bisect {GOOD} {BAD} $HOME",
        f"/bisect {GOOD} {BAD} 'a b'",
        f"/bisect {GOOD} {BAD} a>b",
        f"/bisect {GOOD} {BAD} a\tb",
        f"/bisect {GOOD} {BAD} größe",
        f"/bisect {GOOD} {BAD} " + " ".join("abcdefghi"),
        f"/bisect {GOOD} {'b' * 101}",
        f"/bisect {GOOD} {BAD} a\rb=c",
    ],
)
def test_anything_else_is_rejected(parse, body):
    assert parse(body) == (2, {}, ["content=confused"])


@pytest.mark.parametrize("permission", ["read", "triage", "none", "", "writer", "null"])
def test_author_without_write_permission_is_rejected(parse, permission):
    assert parse(f"/bisect {GOOD} {BAD}", permission) == (1, {}, [])


def test_administrator_is_accepted(parse):
    assert parse(f"/bisect {GOOD} {BAD}", "admin")[0] == 0


@pytest.mark.parametrize("author", ["", "a/../../b", "a?b", "a b", "a\nb", "app[bot]"])
def test_invalid_author_name_is_not_looked_up(parse, place, author):
    assert parse(f"/bisect {GOOD} {BAD}", author=author) == (1, {}, [])
    assert place.calls == []


def test_unreadable_permission_is_rejected(parse, place):
    place.stand_in("gh", "sys.exit(1)")
    ended = place.run(
        ".bisect-run/comment-parse.sh",
        COMMENT_BODY=f"/bisect {GOOD} {BAD}",
        COMMENT_ID="7",
        COMMENT_AUTHOR="ada",
        GITHUB_REPOSITORY="owner/engine",
        GITHUB_OUTPUT="/dev/null",
    )
    assert ended.returncode == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60))
def test_accepted_cells_have_no_shell_characters(parse, text):
    code, values, _ = parse(f"/bisect {GOOD} {BAD} {text}")
    if code == 0:
        line = text.splitlines()[0] if text.splitlines() else ""
        assert values["cells"].split() == line.split()
        assert not set(values["cells"]) & set("$`;&|<>(){}'\"\\!#~\t\r\n")
    else:
        assert (code, values) == (2, {})


RUNS = """
if sys.argv[1] == "run":
    if {code} in (0, 3, 4):
        print('{{"session": "20260306-101500-1a2b"}}')
    sys.exit({code})
print("# Report")
"""


def bisect(place, code, cells="", *options):
    place.stand_in("bisect-run", RUNS.format(code=code))
    variables = {"GOOD": GOOD, "BAD": BAD, "CELLS": cells, "JOB_URL": "https://ci/1"}
    ended = place.run(".bisect-run/comment-run.sh", *options, **variables)
    return ended, (place.folder / "bisect-run-out" / "answer.md").read_text()


@pytest.mark.parametrize("code", [0, 3, 4])
def test_answer_is_the_report_of_its_session(place, code):
    ended, answer = bisect(place, code)
    assert (ended.returncode, answer) == (code, "# Report\n")
    assert place.calls[-1] == ["bisect-run", "report", "20260306-101500-1a2b", "--markdown"]
    document = json.loads((place.folder / "bisect-run-out" / "answer.json").read_text())
    assert document["session"] == "20260306-101500-1a2b"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (2, "`/bisect`: one of the commits or cells is not known. See the [log](https://ci/1).\n"),
        (5, "`/bisect` ended with exit code 5. See the [log](https://ci/1).\n"),
        (70, "`/bisect` ended with exit code 70. See the [log](https://ci/1).\n"),
        (143, "`/bisect` ended with exit code 143. See the [log](https://ci/1).\n"),
    ],
)
def test_answer_without_a_result(place, code, answer):
    ended, values = bisect(place, code)
    assert (ended.returncode, values) == (code, answer)
    assert [call[1] for call in place.calls] == ["run"], "the report would be another session's"


def test_cells_are_not_expanded_as_file_patterns(place):
    """They precede the options of the workflow, which may end with a command."""
    (place.folder / "test_a").touch()
    bisect(place, 0, "test_* *[4]", "--repo", ".", "--", "./check.sh")
    assert place.calls[0] == [
        *("bisect-run", "run", "--good", GOOD, "--bad", BAD, "--json"),
        *("--cells", "test_*", "--cells", "*[4]", "--repo", ".", "--", "./check.sh"),
    ]


def test_missing_bisect_run_is_answered(place):
    variables = {"GOOD": GOOD, "BAD": BAD, "JOB_URL": "https://ci/1"}
    assert place.run(".bisect-run/comment-run.sh", **variables).returncode == 5
    assert "exit code 5" in (place.folder / "bisect-run-out" / "answer.md").read_text()


@pytest.fixture
def post(place):
    """Post an answer; returns the text that was posted."""

    def run(file):
        place.stand_in("gh", "import shutil\nshutil.copy(sys.argv[-1], 'posted')\n")
        ended = place.run(
            *(".bisect-run/comment-answer.sh", file),
            ISSUE="12",
            GITHUB_REPOSITORY="owner/engine",
            JOB_URL="https://ci/1",
        )
        assert ended.returncode == 0, ended.stderr
        assert place.calls[-1][:6] == ["gh", "issue", "comment", "12", "--repo", "owner/engine"]
        return (place.folder / "posted").read_text()

    return run


def test_answer_is_posted_unchanged(place, post):
    (place.folder / "answer.md").write_text("# Report\n$(id) `id`\n")
    assert post("answer.md") == "# Report\n$(id) `id`\n"


def test_job_without_an_answer_is_reported_as_interrupted(post):
    assert post("answer.md") == "`/bisect` was interrupted. See the [log](https://ci/1).\n"


def test_long_answer_is_truncated_between_characters(place, post):
    (place.folder / "answer.md").write_text("x" + "ü" * 60_000)
    posted = post("answer.md")
    assert len(posted) < 65_536
    assert posted.startswith("The whole report is an artifact of [the job](https://ci/1).")
    assert posted.endswith("ü\n")
