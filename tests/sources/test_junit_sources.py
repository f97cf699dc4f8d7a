"""JUnit XML files of earlier runs: outcomes, commits, archives, URLs, and files that are none."""

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from replayed_service import Reply, replayed

from bisect_tool.errors import UsageError
from bisect_tool.logs.junit import NotJunit
from bisect_tool.sources import report_file
from bisect_tool.sources.junit_files import junit_observations
from bisect_tool.sources.junit_report import TestResult, read_report
from bisect_tool.sources.observation import CellKey, State
from bisect_tool.sources.report_file import NoArchive, unpack

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
        ('<failure message="OSError: x"/><skipped/>', (State.FAILED, "OSError")),
    ],
)
def test_the_outcome_of_a_test(inside, expected):
    (found,) = read_report(report(case("test_a", inside))).results
    assert found == TestResult("tests.test_dp::test_a", *expected, "gpu")


def test_an_error_of_the_teardown_fails_the_test():
    found = read_report(report(case("test_a") + case("test_a", '<error message="OSError: x"/>'))).results
    assert found == (TestResult("tests.test_dp::test_a", State.FAILED, "OSError", "gpu"),)


def test_a_test_with_a_file_has_its_node_id():
    inside = '<testcase file="tests/test_dp.py" classname="tests.test_dp.TestLoad" name="test_a[1]"/>'
    assert read_report(report(inside)).results[0].name == "tests/test_dp.py::TestLoad::test_a[1]"


def test_a_module_with_a_file_that_could_not_be_imported_is_called_by_its_file():
    inside = '<testcase file="tests/test_dp.py" classname="" name="tests.test_dp"><error/></testcase>'
    assert read_report(report(inside)).results[0].name == "tests/test_dp.py"


@pytest.mark.parametrize("order", [("add", "mul"), ("mul", "add")])
def test_a_test_is_of_its_own_suite_in_whatever_order_suites_are_written(order):
    suites = (f'<testsuite name="{name}"><testcase name="{name} works"/></testsuite>' for name in order)
    found = read_report(f"<testsuites name='jest tests'>{''.join(suites)}</testsuites>".encode()).results
    assert {each.name: each.suite for each in found} == {"add works": "add", "mul works": "mul"}


def test_tests_of_one_name_in_two_suites_are_two_tests():
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
def test_the_suite_of_a_test_is_the_outermost_that_has_a_name(name, inner, suite):
    inside = f'<testsuite name="{inner}">{case("a")}</testsuite>'
    content = f'<testsuites><testsuite name="{name}">{inside}</testsuite></testsuites>'
    assert [each.suite for each in read_report(content.encode()).results] == [suite]


def test_a_test_that_googletest_did_not_run_did_not_pass():
    inside = '<testcase classname="Load" name="DISABLED_Works" status="notrun" result="suppressed"/>'
    assert read_report(report(inside)).results[0].state is State.MISSING


@pytest.mark.parametrize(
    "text", [b"\x1b[31mred\x1b[0m", b"binary \x00\xff", b"&#27;[31m", b"&#x1B;[31m&#x0;"], ids=repr
)
def test_a_failure_that_quotes_what_no_xml_may_hold_is_read(text):
    failure = b'<failure message="OSError: ' + text + b'">' + text + b"</failure>"
    content = report(case("test_a", "@")).replace(b"@", failure)
    (found,) = read_report(b'<?xml version="1.0" encoding="utf-8"?>' + content).results
    assert (found.state, found.exception) == (State.FAILED, "OSError")


@pytest.mark.parametrize("encoding", ["shift_jis", "rot13", "idna", "punycode", "no-such-thing"])
def test_a_report_whose_encoding_is_not_known_is_read_as_utf_8(encoding):
    content = report(case("test_a"))
    (found,) = read_report(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + content).results
    assert found.state is State.PASSED


def test_suites_with_attributes_of_any_names_are_read():
    """A report of a few megabytes would take hours if all of them were kept."""
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
def test_what_is_no_report_is_refused(content):
    with pytest.raises(NotJunit):
        read_report(content)


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [("2026-01-01T00:00:00", "1764244800000"), ("9999-12-31T23:59:59", "1e9"), ("0001-01-01T00:00:00", "-1")],
)
def test_end_of_a_suite_that_takes_for_ever_is_its_begin(timestamp, seconds):
    found = read_report(f"<testsuite timestamp='{timestamp}' time='{seconds}'/>".encode())
    assert found.finished == found.started is not None


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


def test_attempts_that_failed_before_one_that_passed_are_known(tmp_path, folder):
    flaky = '<flakyFailure message="OSError: x"/><flakyError type="Timeout"/>'
    folder(f"{SHA}/junit.xml", report(case("test_a", flaky)))
    assert [(each.attempt, each.state, each.exception) for each in observe(tmp_path)] == [
        ("junit.xml try 1", State.FAILED, "OSError"),
        ("junit.xml try 2", State.FAILED, "Timeout"),
        ("junit.xml", State.PASSED, ""),
    ]


def test_attempts_of_a_test_that_failed_at_last_are_one_failure(tmp_path, folder):
    inside = '<failure message="OSError: x"/><rerunFailure message="OSError: x"/>'
    folder(f"{SHA}/junit.xml", report(case("test_a", inside)))
    assert [(each.attempt, each.state) for each in observe(tmp_path)] == [("junit.xml", State.FAILED)]


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


def test_a_pattern_without_files_is_a_usage_error_that_says_what_there_is(tmp_path, folder):
    with pytest.raises(UsageError, match=r"no file matches .*: \S+ is empty"):
        observe(tmp_path / "*.xml")
    folder("runs/a.json")
    with pytest.raises(UsageError, match=r"no file matches .*/runs has a\.json"):
        observe(tmp_path / "runs" / "*" / "junit.xml")


def test_a_pattern_that_is_too_long_for_a_path_matches_nothing(tmp_path):
    with pytest.raises(UsageError, match="no file matches "):
        observe(str(tmp_path / ("x" * 300) / "*.xml"))


def test_files_without_a_result_are_a_usage_error(tmp_path, folder):
    folder("nameless/junit.xml")
    with pytest.raises(UsageError, match="none of 1 files"):
        observe(tmp_path)


def zipped(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


ARCHIVES = pytest.mark.parametrize("pack", [zipped, tarred])


@ARCHIVES
def test_the_reports_of_an_archive_are_read(tmp_path, folder, pack):
    members = {
        f"{SHA}/a.xml": report(case("test_a")),
        "b/junit.xml": report(case("test_b")),
        "b/commit": OTHER.encode(),
        "b/notes.txt": b"x",
    }
    path = folder("nights.bin", pack(members))
    assert [(each.commit, each.build, each.attempt) for each in observe(path)] == [
        (SHA, f"{path}/{SHA}", "a.xml"),
        (OTHER, f"{path}/b", "junit.xml"),
    ]


@ARCHIVES
def test_nothing_of_an_archive_is_written(tmp_path, folder, pack):
    members = {f"../../{SHA}/a.xml": report(case("test_a")), f"/{OTHER}/b.xml": report(case("test_b"))}
    path = folder("in/nights.bin", pack(members))
    assert {each.commit for each in observe(path)} == {SHA, OTHER}
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


@ARCHIVES
def test_an_archive_that_holds_too_much_is_left_out(tmp_path, folder, pack, monkeypatch):
    monkeypatch.setattr(report_file, "SIZE_LIMIT", 1000)
    notes = []
    folder(f"{SHA}/good.xml")
    folder("nights.bin", pack({f"{SHA}/{name}.xml": b" " * 600 for name in "ab"}))
    assert len(observe(tmp_path / "**", notes)) == 1
    assert [note.partition(" is left out: ")[2] for note in notes] == [
        "the archive is larger than any test report"
    ]


@pytest.mark.parametrize(
    "damaged",
    [zipped({"a.xml": b"x" * 999})[:-30], tarred({"a.xml": b"x"})[:40], b"PK"],
    ids=["zip", "tar", "two bytes"],  # an archive holds the time at which it was made
)
def test_a_damaged_archive_is_left_out(tmp_path, folder, damaged):
    notes = []
    folder(f"{SHA}/good.xml")
    folder("nights.bin", damaged)
    observe(tmp_path / "**", notes)
    assert [note.partition(" is left out: ")[2].partition(":")[0] for note in notes] == [
        "the archive cannot be read"
    ]


def damaged_tar(header, repeated=1):
    return gzip.compress(header * repeated + b"\0" * 1024)


def header_of(size):
    """The header of a member of this size, which can be one that leads back to the member itself."""
    field = size.to_bytes(12, "big", signed=True) if size < 0 else b"%011o\0" % size
    header = bytearray(tarfile.TarInfo("a.xml").tobuf(tarfile.GNU_FORMAT))
    header[124:136], header[148:156] = field, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def pax_headers(number):
    """An archive whose first header has many settings for all members."""
    data = io.BytesIO()
    settings = {f"k{each}": "v" for each in range(number)}
    with tarfile.open(fileobj=data, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers=settings) as archive:
        archive.addfile(tarfile.TarInfo("a.xml"))
    return data.getvalue()


def damaged_lzma():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.xml", bytes(range(256)) * 500)
    return data.getvalue().replace(data.getvalue()[45:60], b"\xff" * 15, 1)


@pytest.mark.parametrize(
    "content",
    [
        damaged_tar(header_of(-512)),
        damaged_tar(header_of(-1024), 3),
        damaged_tar(header_of(-100_000), 3),
        damaged_tar(header_of(1 << 30)),
        pax_headers(200),
        damaged_lzma(),
    ],
    ids=["back by nothing", "back to itself", "back before", "longer", "headers", "lzma"],
)
def test_an_archive_that_is_made_to_do_harm_is_left_out(content):
    with pytest.raises(NoArchive):
        unpack(content, "nights")


def test_headers_of_an_archive_count_as_its_content(monkeypatch):
    monkeypatch.setattr(report_file, "SIZE_LIMIT", 10_000)
    with pytest.raises(NoArchive, match="larger than any test report"):
        unpack(pax_headers(5000), "nights")


def test_links_that_lead_in_circles_are_followed_once(folder, tmp_path):
    """Two of them would otherwise have 2^40 paths, which the system lets one follow."""
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


def test_links_in_an_archive_are_not_followed(tmp_path, folder):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"{SHA}/a.xml")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(UsageError, match="none of 0 files"):
        observe(folder("nights.tar.gz", data.getvalue()))


@pytest.mark.parametrize("content", [report(case("test_a")), zipped({"a.xml": report(case("test_a"))})])
def test_a_url_is_read(content):
    path = f"/nights/{SHA}/results"
    with replayed({path: [Reply(content)]}) as service:
        (found,) = observe(f"{service.url.replace('//', '//me:secret@')}{path}?key=secret")
    assert (found.commit, found.key.cell) == (SHA, "tests.test_dp::test_a")
    assert found.log.startswith(f"http://127.0.0.1{path}")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply({}, 403), "127.0.0.1 refuses the request: HTTP 403"),
        (Reply({}, 404), "127.0.0.1 refuses the request: HTTP 404"),
        (Reply(b"x" * (2 << 20)), "the answer is longer than 1 MiB"),
    ],
)
def test_a_url_that_cannot_be_read_is_a_usage_error(reply, message, monkeypatch):
    monkeypatch.setattr("bisect_tool.sources.junit_files.SIZE_LIMIT", 1 << 20)
    with replayed({"/a.xml": [reply]}) as service, pytest.raises(UsageError) as caught:
        observe(f"{service.url}/a.xml")
    assert caught.value.message == message


def test_run_read_by_several_names_is_one_run(tmp_path, folder):
    folder(f"{SHA}/a.xml")
    (tmp_path / "latest").symlink_to(SHA)
    found = [observe(tmp_path / name / "a.xml")[0] for name in (SHA, f"../{tmp_path.name}/{SHA}")]
    assert len({(each.build, each.attempt) for each in found}) == 1


def test_the_folder_of_a_file_is_looked_up_once_for_all_of_its_tests(tmp_path, folder, monkeypatch):
    folder(f"{SHA}/a.xml", report("".join(case(f"test_{number}") for number in range(50))))
    looked_up = []
    monkeypatch.setattr(
        "bisect_tool.sources.junit_files._resolved", lambda path: looked_up.append(path) or path
    )
    assert (len(observe(tmp_path)), len(looked_up)) == (50, 1)
