"""JUnit XML files of earlier runs: outcomes, commits, archives, URLs, and other files."""

from datetime import UTC, datetime

import pytest
from junit_runs import OTHER, SHA, case, observe, report, zipped
from replayed_service import Reply, replayed

from bisect_tool.ci_results.junit_report import TestResult, read_report
from bisect_tool.ci_results.observation import CellKey, State
from bisect_tool.errors import UsageError
from bisect_tool.log_input.junit import NotJunit


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
        ('<failure message="OSError: x"/><skipped/>', (State.FAILED, "OSError")),
    ],
)
def test_outcome_of_a_test(inside, expected):
    (found,) = read_report(report(case("test_a", inside))).results
    assert found == TestResult("tests.test_dp::test_a", *expected, "gpu")


def test_error_of_the_teardown_fails_the_test():
    found = read_report(report(case("test_a") + case("test_a", '<error message="OSError: x"/>'))).results
    assert found == (TestResult("tests.test_dp::test_a", State.FAILED, "OSError", "gpu"),)


def test_test_with_a_file_has_its_node_id():
    inside = '<testcase file="tests/test_dp.py" classname="tests.test_dp.TestLoad" name="test_a[1]"/>'
    assert read_report(report(inside)).results[0].name == "tests/test_dp.py::TestLoad::test_a[1]"


def test_module_that_cannot_be_imported_is_named_by_its_file():
    inside = '<testcase file="tests/test_dp.py" classname="" name="tests.test_dp"><error/></testcase>'
    assert read_report(report(inside)).results[0].name == "tests/test_dp.py"


@pytest.mark.parametrize("order", [("add", "mul"), ("mul", "add")])
def test_test_belongs_to_its_suite_in_any_order_of_suites(order):
    suites = (f'<testsuite name="{name}"><testcase name="{name} works"/></testsuite>' for name in order)
    found = read_report(f"<testsuites name='jest tests'>{''.join(suites)}</testsuites>".encode()).results
    assert {each.name: each.suite for each in found} == {"add works": "add", "mul works": "mul"}


def test_equal_names_in_two_suites_are_two_tests():
    suites = [
        f'<testsuite name="{name}"><testcase name="works">{inside}</testcase></testsuite>'
        for name, inside in (("a", ""), ("b", "<failure/>"))
    ]
    found = read_report(f"<testsuites>{''.join(suites)}</testsuites>".encode()).results
    assert [(each.suite, each.state) for each in found] == [("a", State.PASSED), ("b", State.FAILED)]


@pytest.mark.parametrize(
    ("name", "inner", "suite"),
    [
        ("/builds/7/phpunit.xml", "Unit", "phpunit.xml"),
        ("C:\\agent\\7\\phpunit.xml", "Unit", "phpunit.xml"),
        ("", "Unit", "Unit"),
        ("src/app.test.js", "", "src/app.test.js"),
    ],
)
def test_suite_of_a_test_is_the_outermost_named_one(name, inner, suite):
    inside = f'<testsuite name="{inner}">{case("a")}</testsuite>'
    content = f'<testsuites><testsuite name="{name}">{inside}</testsuite></testsuites>'
    assert [each.suite for each in read_report(content.encode()).results] == [suite]


def test_test_that_googletest_did_not_run_did_not_pass():
    inside = '<testcase classname="Load" name="DISABLED_Works" status="notrun" result="suppressed"/>'
    assert read_report(report(inside)).results[0].state is State.MISSING


@pytest.mark.parametrize(
    "text", [b"\x1b[31mred\x1b[0m", b"binary \x00\xff", b"&#27;[31m", b"&#x1B;[31m&#x0;"], ids=repr
)
def test_failure_with_characters_invalid_in_xml_is_read(text):
    failure = b'<failure message="OSError: ' + text + b'">' + text + b"</failure>"
    content = report(case("test_a", "@")).replace(b"@", failure)
    (found,) = read_report(b'<?xml version="1.0" encoding="utf-8"?>' + content).results
    assert (found.state, found.exception) == (State.FAILED, "OSError")


@pytest.mark.parametrize("encoding", ["shift_jis", "rot13", "idna", "punycode", "no-such-thing"])
def test_report_of_unknown_encoding_is_read_as_utf_8(encoding):
    content = report(case("test_a"))
    (found,) = read_report(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + content).results
    assert found.state is State.PASSED


def test_suites_with_attributes_of_any_names_are_read():
    """If all names were kept, a report of a few megabytes would take hours."""
    many = "".join(f'<testsuite a{number}=""/>' for number in range(200_000))
    content = f'<testsuites><testsuite hostname="h"/>{many}<testsuite hostname="i"/></testsuites>'
    assert read_report(content.encode()).host == "h"


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
def test_other_content_is_rejected(content):
    with pytest.raises(NotJunit):
        read_report(content)


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [("2026-01-01T00:00:00", "1764244800000"), ("9999-12-31T23:59:59", "1e9"), ("0001-01-01T00:00:00", "-1")],
)
def test_end_of_a_suite_with_an_impossible_duration_is_its_start(timestamp, seconds):
    found = read_report(f"<testsuite timestamp='{timestamp}' time='{seconds}'/>".encode())
    assert found.finished == found.started is not None


def test_observation_of_a_test(tmp_path, folder):
    path = folder(f"nightly-{SHA[:9]}/junit.xml", report(case("test_a", '<failure message="OSError: x"/>')))
    (found,) = observe(tmp_path / "nightly-*" / "junit.xml")
    assert (found.key, found.commit) == (CellKey("nightly", "gpu", "", "tests.test_dp::test_a"), SHA)
    assert (found.state, found.exception, found.host) == (State.FAILED, "OSError", "h1")
    assert (found.build, found.attempt, found.log) == (str(path.parent), "junit.xml", str(path))
    assert found.started == datetime(2026, 3, 6, 7, 0, tzinfo=UTC)
    assert found.finished == datetime(2026, 3, 6, 7, 1, 30, 500000, tzinfo=UTC)


def test_failed_attempts_before_a_pass_are_observations(tmp_path, folder):
    flaky = '<flakyFailure message="OSError: x"/><flakyError type="Timeout"/>'
    folder(f"{SHA}/junit.xml", report(case("test_a", flaky)))
    assert [(each.attempt, each.state, each.exception) for each in observe(tmp_path)] == [
        ("junit.xml try 1", State.FAILED, "OSError"),
        ("junit.xml try 2", State.FAILED, "Timeout"),
        ("junit.xml", State.PASSED, ""),
    ]


def test_attempts_of_a_failed_test_are_one_failure(tmp_path, folder):
    inside = '<failure message="OSError: x"/><rerunFailure message="OSError: x"/>'
    folder(f"{SHA}/junit.xml", report(case("test_a", inside)))
    assert [(each.attempt, each.state) for each in observe(tmp_path)] == [("junit.xml", State.FAILED)]


def test_commit_comes_from_property_then_sidecar_then_path(tmp_path, folder):
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


def test_date_in_a_path_is_not_a_commit(tmp_path, folder):
    folder(f"{SHA[:9]}-20260306/junit.xml")
    assert observe(tmp_path)[0].commit == SHA


def test_job_and_shard_are_properties_of_the_report(tmp_path, folder):
    named = '<properties><property name="job" value="dp"/><property name="shard" value="2"/></properties>'
    folder(f"{SHA}.xml", report(case("test_a"), named))
    assert observe(tmp_path)[0].key == CellKey("nightly", "dp", "2", "tests.test_dp::test_a")


def test_files_without_a_result_are_noted(tmp_path, folder):
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


def test_pattern_without_files_lists_existing_ones(tmp_path, folder):
    with pytest.raises(UsageError, match=r"no file matches .*: \S+ is empty"):
        observe(tmp_path / "*.xml")
    folder("runs/a.json")
    with pytest.raises(UsageError, match=r"no file matches .*/runs has a\.json"):
        observe(tmp_path / "runs" / "*" / "junit.xml")


def test_too_long_pattern_matches_nothing(tmp_path):
    with pytest.raises(UsageError, match="no file matches "):
        observe(str(tmp_path / ("x" * 300) / "*.xml"))


def test_no_file_with_a_result_is_a_usage_error(tmp_path, folder):
    folder("nameless/junit.xml")
    with pytest.raises(UsageError, match=r"no file that matches .*contains the result"):
        observe(tmp_path)


def test_circular_links_are_followed_once(folder, tmp_path):
    """Two of them would otherwise have 2^40 paths, which the system allows."""
    path = folder(f"nights/{SHA}/a.xml")
    for name in "cd":
        (path.parent / name).symlink_to(tmp_path / "nights")
    assert len(observe(tmp_path / "nights")) == 1
    assert len(observe(tmp_path / "**" / "*.xml")) == 1


def test_links_to_other_folders_are_followed(folder, tmp_path):
    path = folder(f"elsewhere/{SHA}/a.xml")
    (tmp_path / "nights").mkdir()
    (tmp_path / "nights" / SHA).symlink_to(path.parent)
    assert [each.commit for each in observe(tmp_path / "nights" / "**")] == [SHA]


@pytest.mark.parametrize("content", [report(case("test_a")), zipped({"a.xml": report(case("test_a"))})])
def test_url_is_read(content):
    path = f"/nights/{SHA}/results"
    with replayed({path: [Reply(content)]}) as service:
        (found,) = observe(f"{service.url.replace('//', '//me:secret@')}{path}?key=secret")
    assert (found.commit, found.key.cell) == (SHA, "tests.test_dp::test_a")
    assert found.log.startswith(f"http://127.0.0.1{path}")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({}, 403), "127.0.0.1 rejects the request: HTTP 403"),
        (Reply({}, 404), "127.0.0.1 rejects the request: HTTP 404"),
        (Reply(b"x" * (2 << 20)), "the response of 127.0.0.1 is larger than 1 MiB"),
    ],
)
def test_unreadable_url_is_a_usage_error(reply, message, monkeypatch):
    monkeypatch.setattr("bisect_tool.ci_results.junit_files.SIZE_LIMIT", 1 << 20)
    with replayed({"/a.xml": [reply]}) as service, pytest.raises(UsageError) as caught:
        observe(f"{service.url}/a.xml")
    assert caught.value.message == message


def test_run_read_by_several_names_is_one_run(tmp_path, folder):
    folder(f"{SHA}/a.xml")
    (tmp_path / "latest").symlink_to(SHA)
    found = [observe(tmp_path / name / "a.xml")[0] for name in (SHA, f"../{tmp_path.name}/{SHA}")]
    assert len({(each.build, each.attempt) for each in found}) == 1


def test_folder_of_a_file_is_looked_up_once_for_all_tests(tmp_path, folder, monkeypatch):
    folder(f"{SHA}/a.xml", report("".join(case(f"test_{number}") for number in range(50))))
    looked_up = []
    monkeypatch.setattr(
        "bisect_tool.ci_results.junit_files._resolved", lambda path: looked_up.append(path) or path
    )
    assert (len(observe(tmp_path)), len(looked_up)) == (50, 1)
