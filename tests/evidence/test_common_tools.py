"""Roots in the logs of compilers, containers and databases."""

import pytest

from bisect_tool.evidence import LogLine, explain_log, is_symptom


def _explained(text):
    lines = text.splitlines()
    return explain_log(LogLine("log", 0.0, line, number) for number, line in enumerate(lines, start=1))


def _chain(*lines):
    (found,) = _explained("\n".join(lines))
    return [event.headline for event in found.failure.chain]


def _roots(text):
    return [(each.test, each.failure.root.headline, each.failure.root.line) for each in _explained(text)]


@pytest.mark.parametrize(
    "line",
    [
        "/src/App/Program.cs(14,13): error CS0103: The name 'x' does not exist [/src/App/App.csproj]",
        "foo.cpp(3): error C2065: 'x': undeclared identifier",
        r"1>c:\w\foo.cpp(3,5): fatal error C1083: Cannot open include file: 'x.h'",
        "LINK : fatal error LNK1120: 2 unresolved externals",
        "App.csproj : error NU1101: Unable to find package Foo.",
        "CSC : error CS5001: Program does not contain a static 'Main' method",
        "src/a.ts(14,5): error TS2322: Type 'string' is not assignable to type 'number'.",
        "src/a.ts:20:7 - error TS2551: Property 'x' does not exist on type 'B'.",
    ],
)
def test_numbered_error_of_a_compiler_is_the_root(line):
    found = _roots(f"restoring packages\n{line}\nBuild FAILED.\n")
    assert found == [("", line.strip(), 2)]


@pytest.mark.parametrize(
    "line",
    [
        "test/a_test.dart:24:28: Error: Undefined name 'x'.",
        "  test/a_test.dart:24:28: Error: Undefined name 'x'.",
        "[shop]:   error - lib/main.dart:6:17 - Undefined name 'x'. - undefined_identifier",
        "  error \u2022 Undefined name 'x' \u2022 lib/main.dart:6:17 \u2022 undefined_identifier",
        '/src/a/Package.swift: error: Signing for "A" requires a development team.',
        "Error in library(optparse) : there is no package called 'optparse'",
        "The following TypeError was thrown running a test:",
    ],
)
def test_error_of_dart_xcode_and_r_is_the_root(line):
    assert _roots(f"resolving packages\n{line}\nExecution halted\n") == [("", line.strip(), 2)]


@pytest.mark.parametrize(
    "line",
    [
        "      Reason:       OOMKilled",
        "trainer-0   0/1     OOMKilled   0   4m",
        "web-1   0/1     ImagePullBackOff   0             4m",
        "      Reason:       ErrImagePull",
        "web-1   0/1     CreateContainerConfigError   0   4m",
        "web-1   0/1     Evicted   0   4m",
        "      Reason:       CrashLoopBackOff",
        "      Reason:       Evicted",
    ],
)
def test_kubectl_error_of_a_pod_is_the_root(line):
    text = f"Pods of the namespace:\n{line}\nweb-2   1/1     Running   0   4m\n"
    assert _roots(text) == [("", line.strip(), 2)]


def test_healthy_list_of_pods_has_no_failure():
    assert _roots("NAME    READY   STATUS    RESTARTS   AGE\nweb-1   1/1     Running   0   4m\n") == []
    assert _roots("Evicted 12 blocks\nconnect: connection refused, trying again\n") == []


def test_fatal_line_of_a_server_is_the_root_of_a_refused_connection():
    database = '2026-11-20 10:00:01.400 UTC [30] FATAL:  data directory "/data" has wrong ownership'
    client = (
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 12, in <module>',
        "    conn = psycopg.connect(DSN)",
        'psycopg.OperationalError: connection to server at "172.18.0.2" failed: Connection refused',
    )
    text = "\n".join([f"db-1   | {database}", *(f"api-1  | {line}" for line in client)])
    assert _roots(text) == [("", 'data directory "/data" has wrong ownership', 1)]


@pytest.mark.parametrize(
    "line",
    [
        "psycopg.OperationalError: connection failed: Connection refused",
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        "java.net.ConnectException: Connection refused",
    ],
)
def test_refused_connection_alone_is_a_symptom(line):
    (found,) = _explained(line)
    assert is_symptom(found.failure.root)


def test_process_id_of_a_postgres_line_is_no_rank():
    (found,) = _explained("2026-11-20 10:00:01 UTC [30] FATAL:  no space")
    assert found.failure.root.role == "Launcher"


@pytest.mark.parametrize("node", ["tests/test_a.py::test_x", "tests/test_a.py::TestA::test_x[a b-1.5]"])
def test_crash_on_the_line_of_a_running_test_is_the_root(node):
    text = f"""\
{node} Fatal Python error: Segmentation fault

Current thread 0x00007f0 (most recent call first):
  File "/w/src/native.py", line 12 in call
  File "/w/tests/test_a.py", line 5 in test_x
Segmentation fault (core dumped)
"""
    (found,) = _explained(text)
    root = found.failure.root
    assert (root.headline, root.line) == ("Fatal Python error: Segmentation fault", 1)
    assert [frame.function for frame in root.frames] == ["test_x", "call"]


@pytest.mark.parametrize(
    "title", ["test_b[1.5]", "TestA.test_b[a.b-::]", "test_b[x-1]", "TestA.test_b", "test_b"]
)
def test_frame_of_a_parametrised_test_names_its_function(title):
    text = f"""\
=================================== FAILURES ===================================
_______________________ {title} _______________________
E       assert 1 == 2

tests/test_a.py:4: AssertionError
=========================== short test summary info ============================
FAILED tests/test_a.py::{title.replace(".test", "::test")} - assert 1 == 2
"""
    (found,) = _explained(text)
    assert [frame.function for frame in found.failure.root.frames] == ["test_b"]


def test_rspec_example_is_named_by_its_description():
    text = "4 examples, 1 failure\n\nrspec ./spec/user_spec.rb:8 # User#name is the full name\n"
    assert [test for test, *_ in _roots(text)] == ["User#name is the full name"]


MAVEN = """\
[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in com.acme.ATest
[ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0 <<< FAILURE! -- in com.acme.OrderTest
[ERROR] com.acme.OrderTest.rounds -- Time elapsed: 0.02 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <10.50> but was: <10.49>
\tat org.junit.jupiter.api.AssertionFailureBuilder.build(AssertionFailureBuilder.java:151)
\tat com.acme.OrderTest.rounds(OrderTest.java:31)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:568)

[INFO] Results:
[ERROR] Failures:
[ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2.5:test on project app
"""


def test_maven_summary_is_no_consequence_of_a_failed_test():
    (found,) = _explained(MAVEN)
    assert [event.headline.partition(":")[0] for event in found.failure.chain] == [
        "org.opentest4j.AssertionFailedError",
        "Failed to execute goal org.apache.maven.plugins",
    ]


def test_frame_of_a_java_failure_is_in_the_project():
    (found,) = _explained(MAVEN)
    frame = found.failure.root.frames[-1]
    assert (frame.function, frame.line) == ("com.acme.OrderTest.rounds", 31)
    assert found.failure.signature.frame == "OrderTest.java:com.acme.OrderTest.rounds"


def test_java_failure_within_libraries_keeps_its_frames():
    text = "java.lang.IllegalStateException: closed\n\tat java.util.Scanner.next(Scanner.java:9)\n"
    (found,) = _explained(text)
    assert [frame.function for frame in found.failure.root.frames] == ["java.util.Scanner.next"]


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ("TestFoo#test_bar [test/foo_test.rb:12]:", "TestFoo#test_bar"),
        (
            "Admin::CartTest#test_totals_are_rounded [/w/cart_test.rb:3]:",
            "Admin::CartTest#test_totals_are_rounded",
        ),
        ("        FAIL [   0.004s] widget tests::adds", "widget tests::adds"),
        ("        FAIL [   0.004s] ( 2/13) widget::it adds", "widget::it adds"),
    ],
)
def test_failed_test_of_a_runner_has_its_name(line, test):
    (found,) = _explained(f"running\n{line}\nExpected: 1\n  Actual: 2\n")
    assert found.test == test
    assert "Actual: 2" in found.failure.excerpt


def test_count_of_failures_of_mocha_is_a_symptom():
    text = "  Cart\n    1) totals\n\n  1 passing (5ms)\n  1 failing\n\n  1) Cart\n\n      9 !== 10\n"
    (found,) = _explained(text)
    assert is_symptom(found.failure.root)
    assert "9 !== 10" in found.failure.excerpt
    assert _roots(text.replace("1 failing", "0 failing")) == []
    assert _roots("1 failing\n") == []


def test_terraform_error_is_the_root():
    text = "\u2577\n\u2502 Error: Invalid reference\n\u2502 \n\u2502   on main.tf line 3\n"
    assert _roots(text) == [("", "\u2502 Error: Invalid reference", 2)]


@pytest.mark.parametrize("blank", [("",), ()])
def test_innermost_cause_of_a_gradle_failure_is_the_root(blank):
    lines = (
        "* What went wrong:",
        "Could not determine the dependencies of task ':app:build'.",
        "> Could not resolve all dependencies for configuration ':app:main'.",
        "   > Could not find org.acme:cart:1.3.0.",
        "     Searched in the following locations:",
        *blank,
        "* Try:",
        "> Run with --info to get more log output.",
    )
    assert _chain(*lines) == [
        "Could not find org.acme:cart:1.3.0.",
        "Could not resolve all dependencies for configuration ':app:main'.",
        "Could not determine the dependencies of task ':app:build'.",
    ]


def test_gradle_refers_to_the_error_of_the_compiler():
    error = "e: file:///src/Cart.kt:3:1 Unresolved reference: foo"
    refers = "Execution failed for task ':app:compile'.", "> Compilation error. See log for more details"
    assert _chain(error, "* What went wrong:", *refers) == [error, refers[1].removeprefix("> "), refers[0]]
    (found,) = _explained("\n".join(("* What went wrong:", *refers)))
    assert is_symptom(found.failure.root)


@pytest.mark.parametrize(
    ("name", "reason", "root"),
    [
        (
            "org.acme.CartTest > adds[Pixel 9] FAILED",
            "\tjava.lang.AssertionError: total is 0",
            "java.lang.AssertionError: total is 0",
        ),
        ("--- FAIL: TestCart (0.01s)", "    cart_test.go:12: total is 0", "total is 0"),
        ("00:01 +3 ~1 -1: cart adds [E]", "  type 'String' is not a 'int'", "type 'String' is not a 'int'"),
        ("--- FAIL: TestCart (0.01s)", "    --- FAIL: TestCart/adds (0.00s)", "TestCart failed"),
    ],
)
def test_line_below_a_failed_test_is_its_reason(name, reason, root):
    found, *_ = _explained(f"{name}\n{reason}\nFAIL")
    assert found.failure.root.headline == root


def test_script_continues_without_its_conda_environment():
    conda = "CommandNotFoundError: Your shell has not been properly configured to use 'conda activate'."
    lines = ("Traceback (most recent call last):", '  File "/a.py", line 1, in <module>', "ValueError: bad")
    assert _chain(conda, *lines)[0] == "ValueError: bad"
