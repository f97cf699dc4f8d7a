"""Failure chains of the failed tests in JUnit XML, from the text that pytest printed."""

import pytest

from bisect_tool.ci_results.junit_failures import failures_of
from bisect_tool.ci_results.junit_report import read_report

PRINTED = """
    def test_load():
>       load()

tests/test_dp.py:4:
_ _ _ _ _ _ _ _
engine/core.py:9: in load
    raise ValueError("bad rank")
E   ValueError: bad rank

The above exception was the direct cause of the following exception:

tests/test_dp.py:4: in test_load
    load()
E   RuntimeError: engine core died
"""


def failures(*cases):
    content = f"<testsuite>{''.join(cases)}</testsuite>".encode()
    return failures_of(read_report(content), content)


def case(name, inside="", classname="tests.test_dp"):
    return f'<testcase classname="{classname}" name="{name}">{inside}</testcase>'


def failed(text, message="RuntimeError: engine core died"):
    return f'<failure message="{message}">{text.replace(">", "&gt;")}</failure>'


def test_failed_test_has_the_chain_of_its_text():
    found = failures(case("test_load", failed(PRINTED)), case("test_b"))
    assert found.keys() == {"tests.test_dp::test_load"}
    chain = found["tests.test_dp::test_load"].chain
    assert [event.headline for event in chain] == ["ValueError: bad rank", "RuntimeError: engine core died"]


def test_failed_test_of_another_tool_has_its_message():
    found = failures(case("works", failed("no", "java.io.IOException: no disk"), "org.Test"))
    assert found["org.Test::works"].root.exception == "java.io.IOException"


@pytest.mark.parametrize("inside", ["", "<skipped/>"])
def test_other_tests_have_no_failure(inside):
    assert failures(case("test_b", inside)) == {}


def test_number_of_read_failures_is_limited():
    assert len(failures(*(case(f"test_{number}", failed("no")) for number in range(60)))) == 50
