"""Reading the results that `--results` names."""

import pytest

from bisect_tool.checks import SuiteCheck
from bisect_tool.errors import UsageError
from bisect_tool.mode import Bisect, ObservedRuns
from bisect_tool.options.rerun import rerun
from bisect_tool.options.resolve_results import resolve_results
from bisect_tool.options.run_options import RunOptions
from bisect_tool.options.validate import validate
from bisect_tool.request import Request

OLD, NEW = "a" * 40, "b" * 40


class Repository:
    """A fake repository with two commits."""

    def resolve(self, name):
        for sha in (OLD, NEW):
            if sha.startswith(name):
                return sha
        raise UsageError(f"there is no commit {name}")


def write(folder, commit, night, **outcomes):
    """A report of tests that passed, failed or were skipped."""
    ended = {name: "" if outcome == "passed" else f"<{outcome}/>" for name, outcome in outcomes.items()}
    cases = "".join(
        f'<testcase classname="tests.a" name="{name}">{how}</testcase>' for name, how in ended.items()
    )
    file = folder / f"{night}-{commit[:12]}" / "junit.xml"
    file.parent.mkdir()
    file.write_text(f"<testsuite>{cases}</testsuite>")


def test_results_are_counted_by_test_and_commit(tmp_path):
    write(tmp_path, OLD, "1", t="passed", u="skipped")
    write(tmp_path, OLD, "2", t="failure", u="passed")
    write(tmp_path, NEW, "3", t="error")
    found = resolve_results([f"{tmp_path}/*/junit.xml"], Repository(), pytest.fail)
    assert set(found) == {
        ObservedRuns(cell="tests.a::t", commit=OLD, passed=1, failed=1),
        ObservedRuns(cell="tests.a::u", commit=OLD, passed=1, failed=0),
        ObservedRuns(cell="tests.a::t", commit=NEW, passed=0, failed=1),
    }


def test_reports_of_unknown_commits_and_ambiguous_tests_are_named(tmp_path):
    write(tmp_path, OLD, "1", t="passed")
    write(tmp_path, "c" * 40, "2", t="failure")
    report = '<testsuite><testcase classname="tests.b" name="t"/></testsuite>'
    (tmp_path / f"1-{OLD[:12]}" / "more.xml").write_text(report)
    notices = []
    assert len(resolve_results([str(tmp_path)], Repository(), notices.append)) == 2
    unknown, several = notices
    assert "is left out: commit cccccccccccc is unknown" in unknown
    assert (
        several
        == "--results: several tests are named t; their results are used only for cells of the same file"
    )


def test_a_pattern_without_files_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no file matches"):
        resolve_results([f"{tmp_path}/*.xml"], Repository(), pytest.fail)


@pytest.mark.parametrize(
    ("given", "notices"),
    [
        ({"results": ("r.xml",), "command": ("make",)}, "--results needs tests"),
        ({"results": ("",)}, "--results is empty"),
    ],
)
def test_results_that_cannot_be_used_are_rejected(given, notices):
    with pytest.raises(UsageError, match=notices):
        validate(RunOptions(good=("a",), bad="b", **given))


def test_the_rerun_line_reads_the_same_files_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = RunOptions(good=("v1",), bad="main", results=("runs/*/junit.xml", "/r"))
    request = Request(mode=Bisect(goods=(OLD,)), repo="/r", bad=NEW, check=SuiteCheck())
    assert f"--results '{tmp_path}/runs/*/junit.xml' --results /r" in rerun(options, request)
