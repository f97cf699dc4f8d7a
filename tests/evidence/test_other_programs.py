"""Roots in the output of compilers, Java, Go, Rust, JSON loggers and Kubernetes."""

import json

import pytest

from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.evidence.timestamp import read_stamp


def _root(*lines):
    found = explain_log(LogLine("log", 0.0, line, at) for at, line in enumerate(lines, 1))
    return found[0].failure.root if found else None


def _chain(*lines):
    (found,) = explain_log(LogLine("log", 0.0, line, at) for at, line in enumerate(lines, 1))
    return [event.headline for event in found.failure.chain]


JAVA = (
    "org.acme.StartException: cannot start",
    "\tat org.acme.Main.start(Main.java:20)",
    "Caused by: org.acme.WebException: no server",
    "\tat org.acme.Web.listen(Web.java:7)",
    "\t... 3 more",
    "Caused by: java.net.BindException: Address already in use",
    "\tat java.base/sun.nio.ch.Net.bind0(Native Method)",
    "\t... 9 more",
)


@pytest.mark.parametrize("head", ["", 'Exception in thread "main" '])
def test_innermost_cause_of_a_java_exception_is_the_root(head):
    first, *rest = JAVA
    assert _chain(head + first, *rest) == [
        "java.net.BindException: Address already in use",
        "org.acme.WebException: no server",
        "org.acme.StartException: cannot start",
    ]


def test_each_exception_of_java_has_its_own_frames():
    lines = [LogLine("log", 0.0, line, at) for at, line in enumerate(JAVA, 1)]
    (found,) = explain_log(lines)
    functions = [frame.function for event in found.failure.chain for frame in event.frames]
    assert functions == ["org.acme.Web.listen", "org.acme.Main.start"]


def test_exception_of_dotnet_is_the_root_of_its_abort():
    assert _chain(
        "Unhandled exception. System.InvalidOperationException: outer",
        " ---> System.NullReferenceException: nothing there",
        "   at Shop.Cart.Total() in /src/Cart.cs:line 12",
        "   --- End of inner exception stack trace ---",
        "   at Shop.Program.Main(String[] args) in /src/Program.cs:line 4",
        "Aborted (core dumped)",
    ) == [
        "System.NullReferenceException: nothing there",
        "System.InvalidOperationException: outer",
        "Aborted (core dumped)",
    ]


def test_last_listed_cause_of_a_rust_program_is_the_root():
    root = _root("Error: cannot serve", "", "Caused by:", "    0: no listener", "    1: port 80 is taken")
    assert root.headline == "port 80 is taken"


def test_message_of_a_java_crash_distinguishes_crashes():
    root = _root(
        "#", "# A fatal error has been detected by the Java Runtime Environment:", "#", "#  SIGBUS (0x7)"
    )
    assert root.headline.endswith("Java Runtime Environment: SIGBUS (0x7)")


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("src/cart.ts:12:7 - error TS2322: Type 'string' is not a number.", "npm ERR! Exit status 2"),
        ("src/cart.ts(12,7): error TS2322: Type 'string' is not a number.", "npm ERR! errno 2"),
        ("pkg/api/server.go:42:9: undefined: NewClient", "make: *** [Makefile:12: build] Error 1"),
        ("vet: ./server.go:42:9: undefined: NewClient", "FAIL"),
        (r"D:\a\src\main.cpp(14,9): error C2065: 'foo': undeclared identifier", "ninja: build stopped: x"),
        ("ld.lld: error: undefined symbol: bar", "clang: error: linker command failed with exit code 1"),
        ("/usr/bin/ld: cannot find -lfoo", "collect2: error: ld returned 1 exit status"),
        (
            "error: cannot find macro `foo` in this scope",
            "error: could not compile `a` due to 1 previous error",
        ),
        ("e: file:///src/Cart.kt:3:1 Unresolved reference: foo", "Process completed with exit code 1."),
        ("/usr/bin/bash: line 147: uv: command not found", "ERROR: Job failed: exit code 127"),
        ("./ci.sh: line 3: TOKEN: unbound variable", "##[error]Process completed with exit code 1."),
        ("sh: 1: tsc: not found", "npm ERR! errno 127"),
        ("E: Unable to locate package libfoo-dev", "##[error]Process completed with exit code 100."),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "ERROR: Job failed: exit code 1"),
        ("Signal (11) received.", "Segmentation fault (core dumped)"),
        ("/app/a.rb:10:in `call': undefined method `foo' for nil (NoMethodError)", "rake aborted!"),
        ("PHP Fatal error:  Uncaught Error: no function foo()", "  thrown in /a.php on line 3"),
        ("2026-01-05 10:00:00.5: E external/xla/driver.cc:9] CUDA_ERROR_OUT_OF_MEMORY: no memory", "Aborted"),
        ("[2025-06-02 09:05:31 TP0] Watchdog timeout (self.watchdog_timeout=300)", "Killed"),
    ],
)
def test_error_and_not_the_resulting_exit_is_the_root(line, last):
    root = _root("+ make", line, last)
    assert root is not None
    assert root.line == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "  Warning  FailedScheduling  5m  scheduler  0/3 nodes are available: 3 Insufficient cpu.",
            "0/3",
        ),
        ('6m   Warning   Failed   pod/a-0   Failed to pull image "x/y:1": not found', "Failed to pull"),
        (
            "6m  Warning  OOMKilling  node/n  Memory cgroup out of memory: Killed process 7 (python3)",
            "Memory",
        ),
        ("      Reason:       OOMKilled", "Reason:"),
    ],
)
def test_kubernetes_error_of_a_pod_is_the_root(line, message):
    root = _root(
        "Events:", line, "4m  Warning  BackOff  pod/a-0  Back-off restarting failed container a in pod a-0"
    )
    assert root.headline.startswith(message)


def test_reason_of_a_killed_container_belongs_to_its_process():
    root = _root("1m  Warning  OOMKilling  node/n  Memory cgroup out of memory: Killed process 41 (python3)")
    assert root.pid == 41


def test_indented_traceback_of_a_subprocess_of_pip_is_read():
    assert _chain(
        "Collecting foo",
        "  error: subprocess-exited-with-error",
        "      Traceback (most recent call last):",
        '        File "/tmp/foo/setup.py", line 19, in <module>',
        "          import bar",
        "      ModuleNotFoundError: No module named 'bar'",
        "      [end of output]",
        "error: metadata-generation-failed",
    ) == ["ModuleNotFoundError: No module named 'bar'", "error: metadata-generation-failed"]


def _json(**fields):
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("line", "headline"),
    [
        (_json(level="ERROR", fields={"message": "no memory left"}), "no memory left"),
        (
            _json(level=50, msg="pool failed", err={"type": "Error", "message": "refused"}),
            "pool failed: refused",
        ),
        (_json(level="error", msg="no store", error="open /db: denied"), "no store: open /db: denied"),
        (_json(severity="ERROR", message="disk full", error="disk full"), "disk full"),
        (_json(level="error", msg="Observed a panic", panic="nil pointer"), "Observed a panic: nil pointer"),
        (_json(PRIORITY="3", MESSAGE="unit failed", _PID="7"), "unit failed"),
        (
            _json(
                level="error",
                event="x",
                exception=[{"exc_type": "ValueError", "exc_value": "bad", "frames": []}],
            ),
            "ValueError: bad",
        ),
        (
            _json(
                **{
                    "log.level": "ERROR",
                    "message": "query failed",
                    "error.stack_trace": "java.util.concurrent.TimeoutException: slow\n\tat a.B.c(B.java:9)",
                }
            ),
            "java.util.concurrent.TimeoutException: slow",
        ),
        (
            _json(
                text="2026-01-05 | ERROR | a - b\nTraceback (most recent call last):\n"
                '  File "/w/a.py", line 3, in b\n    1 / 0\nZeroDivisionError: no\n',
                record={"level": {"name": "ERROR"}, "message": "b"},
            ),
            "ZeroDivisionError: no",
        ),
    ],
)
def test_json_record_is_read_from_the_usual_fields(line, headline):
    assert _root(line).headline == headline


def test_record_of_json_names_its_process():
    record = {"level": {"name": "ERROR"}, "process": {"id": 7, "name": "Loader"}}
    root = _root(_json(text="it broke", record=record))
    assert (root.role, root.pid) == ("Loader", 7)


def test_frames_of_an_exception_in_json_are_kept():
    frames = [{"filename": "/w/load.py", "lineno": 12, "name": "load"}]
    exception = [{"exc_type": "ValueError", "exc_value": "bad", "frames": frames}]
    (frame,) = _root(_json(level="error", event="x", exception=exception)).frames
    assert (frame.file, frame.line, frame.function) == ("/w/load.py", 12, "load")


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        (
            "Aug 04  00:35:11.716 | ERROR 08-04 07:35:11 [core.py:515] x",
            "ERROR 08-04 07:35:11 [core.py:515] x",
        ),
        ("2026-01-01 12:00:00.12 | ERROR    | a:b:1 - x", "| ERROR    | a:b:1 - x"),
        ("mar 15 11:39:07 host srv[7]: x", "x"),
        ("  | [2025-03-10T15:07:20Z] x", "x"),
        ("3039.4   x", "  x"),
        ("2024-05-01T01:17:02.6Z  INFO launcher: x", "INFO launcher: x"),
        ("20/02/17 11:44:50 ERROR Executor: x", "ERROR Executor: x"),
        ("2026/01/05 10:00:00 main.go:31: x", "main.go:31: x"),
        ("[2026-01-01 12:00:00 +0000] [7] [INFO] x", "[7] [INFO] x"),
        ("[7] x", "x"),
        ("16:20:23.337077721Z   16:20:23.336Z\tERROR\tx", "ERROR\tx"),
        ("10:27:45     x", "    x"),
        ("2024-04-18T18:44:33.144-04:00   x", "x"),
        ("2024-04-18T18:44:33.144-04:00     x", "  x"),
    ],
)
def test_prefix_ends_at_the_start_of_the_programs_line(line, rest):
    assert line[collector_prefix(line).end :] == rest


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("[11/21/2024-10:26:10] [TRT-LLM] [RANK 1] [E] it broke", "ERROR", "it broke"),
        (
            "2026-01-05T10:00:00Z ERROR 1 --- [           main] o.s.Application    : it broke",
            "ERROR",
            "it broke",
        ),
        ("level=error ts=2026-01-05T10:00:00Z msg=broke", "ERROR", "broke"),
    ],
)
def test_head_of_a_logger_is_not_part_of_the_text(line, level, text):
    parsed = parse_line(line)
    assert (parsed.level, parsed.text) == (level, text)


@pytest.mark.parametrize("stamp", ["25/05/20 15:12:00", "2025/05/20 15:12:00", "05/20/2025-15:12:00"])
def test_dates_are_parsed_in_several_orders(stamp):
    assert read_stamp(stamp, 2000) == read_stamp("2025-05-20 15:12:00", 2000)


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("[2025-03-01 10:01:10] Rank 0 scheduler is dead. Please check the logs.", "EOFError"),
        ("engine-1 exited with code 137", "Aborting on container exit..."),
        (
            "##[error]The runner has received a shutdown signal.",
            "##[error]Process completed with exit code 143.",
        ),
        ("ERROR: Job failed: execution took longer than 1h0m0s seconds", ""),
        ("Build timed out (after 60 minutes). Marking the build as aborted.", "Finished: ABORTED"),
    ],
)
def test_external_end_of_a_process_is_the_root(line, last):
    root = _root("starting", line, last)
    assert root is not None
    assert root.line == 2


def test_segfault_is_read_from_its_stack_and_not_from_its_banner():
    root = _root(
        "!!!!!!! Segfault encountered !!!!!!!",
        "Fatal Python error: Segmentation fault",
        "",
        "Current thread 0x00007f1a (most recent call first):",
        '  File "/w/kernels.py", line 300 in compile',
    )
    assert [frame.function for frame in root.frames] == ["compile"]


def test_announcement_of_the_output_of_a_shard_is_not_its_end():
    assert _chain(
        "2024-03-06T17:53:31.0Z ERROR tgi: Shard complete standard error output:",
        "2024-03-06T17:53:35.0Z ERROR tgi: Shard process was signaled to shutdown with signal 4",
    )[0].endswith("with signal 4")


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("2026-03-06T10:00:01+0000 gpu7 python3[42]: x", "x"),
        ("2026-03-06T10:00:01+00:00 Caused by: x", "Caused by: x"),
        ("[Mon Jan  5 10:00:00 2026] NVRM: x", "NVRM: x"),
    ],
)
def test_words_before_a_colon_are_a_writer_only_if_plausible(line, rest):
    assert line[collector_prefix(line).end :] == rest


def test_stamps_without_a_year_have_the_year_of_their_log():
    lines = (
        "[2026-01-05 10:00:00 TP0] starting",
        "(Worker_TP1 pid=2) ERROR 01-05 10:00:07 [worker.py:7] ValueError: late",
        "(Worker_TP0 pid=1) ERROR 01-05 10:00:05 [worker.py:7] ValueError: early",
    )
    (found,) = explain_log(LogLine("log", 0.0, line, at) for at, line in enumerate(lines, 1))
    early, late = found.failure.chain
    assert (early.message, late.time - early.time) == ("early", 2.0)
