"""Output, report and end of the job of a simulated CI service."""

from __future__ import annotations

from dataclasses import dataclass

TEST = "tests/test_dp.py::test_external_lb[4]"
PASSING = "tests/test_dp.py::test_single"


def log_of(red, other=""):
    """The output of the job: pytest -v with two tests, of which one fails if `red`."""
    error = other or "RuntimeError: rank 1 did not come up"
    test = [f"{TEST} FAILED"] if red else [f"{TEST} PASSED"]
    failure = [
        "=================================== FAILURES ===================================",
        "_____________________________ test_external_lb[4] ______________________________",
        "    def test_external_lb(size):",
        ">       launch(size)",
        "tests/test_dp.py:12: ",
        "_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _",
        "    def launch(size):",
        f">       raise {error.partition(':')[0]}()",
        f"E       {error}",
        "engine/launch.py:40: " + error.partition(":")[0],
        "=========================== short test summary info ============================",
        f"FAILED {TEST} - {error}",
    ]
    return "\n".join(
        (
            "============================= test session starts ==============================",
            f"{PASSING} PASSED",
            *test,
            *(failure if red else ()),
            f"========================= {1 + (not red)} passed in 1.00s =========================",
            "",
        )
    )


def junit_of(red, skipped=False):
    """The report of pytest of the same run."""
    failure = '<failure message="RuntimeError: rank 1 did not come up">{}</failure>'.format(
        "    def test_external_lb(size):\n&gt;       launch(size)\n\ntests/test_dp.py:12: \n"
        "E       RuntimeError: rank 1 did not come up\n\nengine/launch.py:40: RuntimeError"
    )
    inside = failure if red else "<skipped/>" if skipped else ""
    return f"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" tests="2">
<testcase classname="tests.test_dp" name="test_single" time="0.1"/>
<testcase classname="tests.test_dp" name="test_external_lb[4]" time="0.9">{inside}</testcase>
</testsuite></testsuites>""".encode()


@dataclass(frozen=True)
class Ending:
    """How a job ends: its state, exit status, signal reason and log, and its JUnit report."""

    state: str
    code: int | None = 0
    reason: str = ""
    log: str = ""
    report: bytes = b""


PASS = Ending("passed", 0, "", log_of(red=False))
FAIL = Ending("failed", 1, "", log_of(red=True))
LOST = Ending("failed", -1, "agent_stop", "")
EXPIRED = Ending("expired", None, "", "")
CANCELED = Ending("canceled", None, "", "")
