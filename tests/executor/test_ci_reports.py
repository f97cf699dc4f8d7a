"""Which artefacts of a job are downloaded as its reports."""

from __future__ import annotations

import io
import zipfile

import pytest

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.job_reports import Artefact
from bisect_tool.ci_results.service_access import Absent, Forbidden
from bisect_tool.executor.ci import reports
from bisect_tool.executor.ci.reports import report_files

XML = b"<testsuite/>"


def zipped(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.xml", content)
    return file.getvalue()


class Client:
    """A client with these contents; an exception among them is raised."""

    def __init__(self, contents):
        self.contents, self.asked = contents, []

    def content(self, url, limit):
        self.asked.append((url, limit))
        if isinstance(self.contents[url], Exception):
            raise self.contents[url]
        return self.contents[url]


def read(contents, *artefacts):
    client = Client(contents)
    return report_files(client, lambda: artefacts), client.asked


def named(name, url="a", **fields):
    return Artefact(name, None, url, **fields)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (XML, (XML,)),
        (zipped(a=XML, b=b"<testsuites/>"), (XML, b"<testsuites/>")),
        (b"PK damaged", ()),
        (b"", ()),
        (Absent("gone"), ()),
        (Forbidden("no scope"), ()),
        (UnexpectedAnswer("elsewhere"), ()),
    ],
)
def test_reports_of_an_artefact(content, found):
    assert read({"a": content}, named("junit.xml"))[0] == found


@pytest.mark.parametrize(
    "artefact",
    [named("wheel.whl"), named("junit.xml", is_expired=True), named("junit.xml", size=reports._BYTES + 1)],
    ids=["another", "expired", "large"],
)
def test_other_and_too_large_artefacts_are_not_requested(artefact):
    assert read({"a": XML}, artefact) == ((), [])


def test_unreadable_artefact_does_not_hide_others():
    contents = {"a": Absent("gone"), "b": XML}
    assert read(contents, named("junit-1.xml"), named("junit-2.xml", "b"))[0] == (XML,)


def test_artefacts_have_one_size_limit():
    _, asked = read({"a": XML, "b": XML}, named("junit-1.xml"), named("junit-2.xml", "b"))
    assert asked == [("a", reports._BYTES), ("b", reports._BYTES - len(XML))]


def test_rejected_listing_has_no_artefacts():
    def listed():
        raise Forbidden("no scope")

    assert report_files(Client({}), listed) == ()
