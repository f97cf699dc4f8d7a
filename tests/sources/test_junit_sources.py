"""JUnit XML files of earlier runs: outcomes, commits, and files that are none."""

from datetime import UTC, datetime

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.logs.junit import NoJunit
from bisect_tool.sources.junit_files import junit_observations
from bisect_tool.sources.junit_report import TestResult, read_report
from bisect_tool.sources.observation import CellKey, State

SHA, OTHER = "5afb387bd4e4a2a1cf1d1e3ab1d0f9c8b7a69584", "a97954b6d4e4a2a1cf1d1e3ab1d0f9c8b7a69584"


def report(inside, properties=""):
    return (
        '<testsuites><testsuite name="gpu" hostname="h1" timestamp="2026-03-06T07:00:00" time="90.5">'
        f"{properties}{inside}</testsuite></testsuites>"
    ).encode()


def case(name, inside=""):
    return f'<testcase classname="tests.test_dp" name="{name}" time="1">{inside}</testcase>'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("", (State.PASSED, "")),
        ("<skipped/>", (State.MISSING, "")),
        ('<failure message="RuntimeError: engine died">x</failure>', (State.FAILED, "RuntimeError")),
        ('<failure message="assert 1 == 2">x</failure>', (State.FAILED, "AssertionError")),
        (
            '<failure type="java.lang.AssertionError" message="no"/>',
            (State.FAILED, "java.lang.AssertionError"),
        ),
        (
            '<error message="failed on setup with &quot;torch.OutOfMemoryError: x&quot;"/>',
            (State.FAILED, "torch.OutOfMemoryError"),
        ),
        ("<failure/>", (State.FAILED, "")),
        ("<failure message='it went wrong'/>", (State.FAILED, "")),
        ("<system-out>Error</system-out>", (State.PASSED, "")),
    ],
)
def test_the_outcome_of_a_test(inside, expected):
    (found,) = read_report(report(case("test_a", inside))).results
    assert found == TestResult("tests.test_dp::test_a", *expected)


def test_an_error_of_the_teardown_fails_the_test():
    found = read_report(report(case("test_a") + case("test_a", '<error message="OSError: x"/>'))).results
    assert found == (TestResult("tests.test_dp::test_a", State.FAILED, "OSError"),)


def test_a_test_with_a_file_has_its_node_id():
    inside = '<testcase file="tests/test_dp.py" classname="tests.test_dp.TestLoad" name="test_a[1]"/>'
    assert read_report(report(inside)).results[0].name == "tests/test_dp.py::TestLoad::test_a[1]"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no XML",
        b"<coverage/>",
        b"<testsuites><testsuite>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuites>&a;</testsuites>',
        b"<testsuites>" + b"<a>" * 200,
    ],
)
def test_what_is_no_report_is_refused(content):
    with pytest.raises(NoJunit):
        read_report(content)


@pytest.fixture
def folder(tmp_path):
    def write(path, content=None):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(report(case("test_a")) if content is None else content)
        return file

    return write


def known(written):
    return next((sha for sha in (SHA, OTHER) if sha.startswith(written)), "")


def observe(pattern, notes=None):
    return junit_observations(str(pattern), "nightly", [].append if notes is None else notes.append, known)


def test_a_test_as_an_observation(tmp_path, folder):
    path = folder(f"nightly-{SHA[:9]}/junit.xml", report(case("test_a", '<failure message="OSError: x"/>')))
    (found,) = observe(tmp_path / "nightly-*" / "junit.xml")
    assert (found.key, found.commit) == (CellKey("nightly", "gpu", "", "tests.test_dp::test_a"), SHA)
    assert (found.state, found.exception, found.host) == (State.FAILED, "OSError", "h1")
    assert (found.build, found.attempt, found.log) == (str(path.parent), "junit.xml", str(path))
    assert found.started == datetime(2026, 3, 6, 7, 0, tzinfo=UTC)
    assert found.finished == datetime(2026, 3, 6, 7, 1, 30, 500000, tzinfo=UTC)


def test_a_property_counts_before_a_sidecar_and_a_sidecar_before_the_path(tmp_path, folder):
    named = f'<properties><property name="commit" value="{OTHER}"/></properties>'
    folder(f"{SHA}/a.xml")
    folder(f"{SHA}/sub/b.xml")
    folder(f"{SHA}/sub/commit", f"{OTHER}\n".encode())
    folder("other/c.xml", report(case("test_a"), named))
    folder("other/commit", SHA.encode())
    assert [(each.attempt, each.commit) for each in observe(tmp_path)] == [
        ("a.xml", SHA),
        ("b.xml", OTHER),
        ("c.xml", OTHER),
    ]


def test_a_date_in_a_path_is_no_commit(tmp_path, folder):
    folder(f"{SHA[:9]}-20260306/junit.xml")
    assert observe(tmp_path)[0].commit == SHA


def test_job_and_shard_are_properties_of_the_report(tmp_path, folder):
    named = '<properties><property name="job" value="dp"/><property name="shard" value="2"/></properties>'
    folder(f"{SHA}.xml", report(case("test_a"), named))
    assert observe(tmp_path)[0].key == CellKey("nightly", "dp", "2", "tests.test_dp::test_a")


def test_files_that_tell_nothing_are_noted(tmp_path, folder):
    notes = []
    folder(f"{SHA}/good.xml")
    folder(f"{SHA}/cut.xml", b"<testsuites>")
    folder("nameless/junit.xml")
    folder(f"{'f' * 40}/junit.xml")
    assert len(observe(tmp_path, notes)) == 1
    assert [note.partition(" is left out: ")[2].partition(":")[0] for note in notes] == [
        "not well-formed XML",
        f"commit {'f' * 40} is unknown",
        "it names no commit",
    ]


def test_a_pattern_without_files_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no file matches"):
        observe(tmp_path / "*.xml")


def test_files_without_a_result_are_a_usage_error(tmp_path, folder):
    folder("nameless/junit.xml")
    with pytest.raises(UsageError, match="none of 1 files"):
        observe(tmp_path)
