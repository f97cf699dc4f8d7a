"""Failed tests of JUnit XML, of pytest and other tools; hostile, truncated and other files."""

import io

import pytest

from bisect_tool.log_input import junit
from bisect_tool.log_input.junit import NotJunit, failed_cases


def cases(text):
    return list(failed_cases(io.BytesIO(text.encode())))


def suite(inside):
    return f"<testsuites><testsuite>{inside}</testsuite></testsuites>"


def test_attributes_of_other_tools_become_an_exception_line():
    found = cases(
        suite(
            '<testcase classname="com.foo.BarTest" name="adds">'
            '<failure type="java.lang.AssertionError" message="expected 1">'
            "\tat com.foo.Bar(Bar.java:7)</failure>"
            "</testcase>"
        )
    )
    assert [(case.name, case.text) for case in found] == [
        (
            "com.foo.BarTest::adds",
            ("E   java.lang.AssertionError: expected 1", "\tat com.foo.Bar(Bar.java:7)"),
        )
    ]


def test_line_number_is_that_of_the_test_case():
    found = cases(suite('\n\n<testcase name="a"><error message="x"/></testcase>'))
    assert [(case.name, case.line) for case in found] == [("a", 3)]


@pytest.mark.parametrize("inside", ["", "<skipped/>", "<system-out>Error: no</system-out>"])
def test_passed_and_skipped_tests_are_ignored(inside):
    assert cases(suite(f'<testcase name="a">{inside}</testcase>')) == []


def test_output_of_a_suite_belongs_to_no_test():
    found = cases(suite('<testcase name="a"><error message="x"/></testcase><system-err>boom</system-err>'))
    assert [(case.name, case.text) for case in found][1] == ("", ("boom",))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><testsuites>&b;</testsuites>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuites/>',
        "<coverage/>",
        "no XML",
        "",
        f"<testsuites>{'<a>' * 200}",
        '<?xml version="1.0" encoding="shift_jis"?><testsuites/>',
        '<?xml version="1.0" encoding="rot13"?><testsuites/>',
        '<?xml version="1.0" encoding="idna"?><testsuites/>',
    ],
    ids=["entities", "external", "another kind", "text", "empty", "deep", "bytes", "codec", "names"],
)
def test_other_files_are_rejected(text):
    with pytest.raises(NotJunit):
        cases(text)


def test_truncated_report_yields_the_cases_before_the_end():
    text = suite('<testcase name="a"><error message="x"/></testcase><testcase name="b"><err')
    reading = failed_cases(io.BytesIO(text[: text.rindex("<err") + 4].encode()))
    assert next(reading).name == "a"
    with pytest.raises(NotJunit):
        next(reading)


def test_long_output_keeps_head_and_tail(monkeypatch):
    monkeypatch.setattr(junit, "_TEXT_LIMIT", 1000)
    body = "\n".join(["first", *(["middle"] * 10_000), "last"])
    (case,) = cases(suite(f'<testcase name="a"><error message="x">{body}</error></testcase>'))
    assert case.text[1] == "first"
    assert case.text[-1] == "last"
    assert len(case.text) < 1000
