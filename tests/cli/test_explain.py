"""`bisect-run explain` from the command line."""

import json
import subprocess
import sys

import pytest

ENGINE = "(EngineCore_DP0 pid=77) ERROR 06-10 16:45:05 [core.py:12] RuntimeError: KV cache is too small"
REPORT = f"""\
=================================== FAILURES ===================================
___________________________________ test_one ___________________________________
E       assert 500 == 200
tests/test_a.py:8: AssertionError
----------------------------- Captured stderr call -----------------------------
{ENGINE}
___________________________________ test_two ___________________________________
E       KeyError: 'b'
tests/test_a.py:12: KeyError
=========================== short test summary info ============================
FAILED tests/test_a.py::test_one - assert 500 == 200
FAILED tests/test_a.py::test_two - KeyError: 'b'
========================= 2 failed, 1 passed in 12.34s =========================
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build.log").write_text(REPORT)
    return "build.log"


def test_report_shows_root_chain_signature_and_location(cli, log):
    ended = cli("explain", log)
    assert ended.code == 0
    first = ended.out.partition("\n\n")[0]
    assert first.startswith("Why tests/test_a.py::test_one fails\n")
    assert "root" in first
    assert "AssertionError: assert 500 == 200" in first
    assert "Signature  EngineCore: RuntimeError: KV cache is too small" in first
    assert "Log        build.log:6" in first


def test_json_has_each_failed_test_most_severe_first(cli, log):
    ended = cli("explain", log, "--json")
    document = json.loads(ended.out)
    assert (document["schema"], document["command"]) == (1, "explain")
    assert [each["test"] for each in document["failures"]] == [
        "tests/test_a.py::test_one",
        "tests/test_a.py::test_two",
    ]
    root = document["failures"][0]["root"]
    assert (root["role"], root["exception"], root["message"]) == (
        "EngineCore_DP0",
        "RuntimeError",
        "KV cache is too small",
    )
    assert (root["file"], root["line"]) == ("build.log", 6)
    assert document["failures"][0]["chain"][0] == root


def test_markdown_is_ready_for_an_issue(cli, log):
    ended = cli("explain", log, "--markdown")
    assert ended.code == 0
    assert "`tests/test_a.py::test_one` fails. The root cause is in `EngineCore_DP0`" in ended.out


def test_tests_with_one_root_are_shown_once(cli, tmp_path):
    text = f"{ENGINE}\nFAILED t.py::test_a - assert 1 == 2\nFAILED t.py::test_b - assert 1 == 2\n"
    (tmp_path / "a.log").write_text(text)
    assert cli("explain", str(tmp_path / "a.log")).out.startswith("Why t.py::test_a and 1 more fail\n")


def test_excerpt_is_shown_once(cli, tmp_path):
    (tmp_path / "a.log").write_text("checksum differs\n##[error]Process completed with exit code 3.\n")
    ended = cli("explain", str(tmp_path / "a.log"))
    assert ended.out.count("checksum differs") == 1
    assert "first symptom; the root cause is not in the logs" in ended.out


def test_log_without_failure_ends_with_4(cli, tmp_path):
    (tmp_path / "a.log").write_text("all is well\n")
    ended = cli("explain", str(tmp_path / "a.log"))
    assert (ended.code, ended.out) == (4, "No failure found.\n")
    assert json.loads(cli("explain", str(tmp_path / "a.log"), "--json").out)["failures"] == []


def test_error_that_is_also_in_the_passing_log_is_no_root(cli, log, tmp_path):
    (tmp_path / "good.log").write_text(ENGINE.replace("16:45:05", "09:00:00") + "\n")
    document = json.loads(cli("explain", log, "--json", "--against", "good.log").out)
    roots = {each["test"]: each["root"]["message"] for each in document["failures"]}
    assert roots["tests/test_a.py::test_one"] == "assert 500 == 200"
    assert cli("explain", log, "--against", log).code == 4


def test_root_of_a_test_is_found_in_a_folder_of_logs(cli, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "server.log").write_text(f"starting\n{ENGINE}\n")
    (logs / "results.xml").write_text(
        '<testsuite><testcase classname="t" name="a">'
        '<failure message="assert 1 == 2"/></testcase></testsuite>'
    )
    (failure,) = json.loads(cli("explain", str(logs), "--json").out)["failures"]
    assert failure["test"] == "t::a"
    assert failure["root"]["file"] == str(logs / "server.log")
    assert failure["chain"][-1]["file"] == str(logs / "results.xml")


@pytest.mark.parametrize("arguments", [("nowhere.log",), ("--against", "nowhere.log", "build.log"), ()])
def test_unreadable_log_ends_with_2(cli, log, arguments):
    ended = cli("explain", *arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_hostile_text_is_sanitised(cli, tmp_path):
    (tmp_path / "a.log").write_text(
        "RuntimeError: \x1b]0;title\x07\x1b[2Jgone \u202e \x9b31m [bold]x[/bold]\n"
    )
    for arguments in ((), ("--json",), ("--markdown",)):
        ended = cli("explain", str(tmp_path / "a.log"), *arguments)
        assert ended.code == 0
        assert not set("\x1b\x07\x9b\u202e") & set(ended.out)
        assert "[bold]x[/bold]" in ended.out


def test_secrets_of_the_environment_are_masked(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh12345")
    (tmp_path / "a.log").write_text("RuntimeError: denied for hf_abcdefgh12345\n")
    for arguments in ((), ("--json",), ("--markdown",)):
        assert "abcdefgh" not in cli("explain", str(tmp_path / "a.log"), *arguments).out


def test_explain_creates_no_home(cli, log, home):
    cli("explain", log)
    assert not home.exists()


def test_explain_imports_little():
    script = (
        "import sys; from bisect_tool.cli import explain; "
        "print(*[name for name in ('numpy', 'jinja2', 'bisect_tool.search', 'bisect_tool.scenario',"
        " 'bisect_tool.git') if name in sys.modules])"
    )
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert imported.stdout.split() == []
