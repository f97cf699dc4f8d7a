"""Why pytest ended before it ran a test, from its output."""

from types import SimpleNamespace

import pytest

from bisect_tool.trial.suite_check import failed_start

_USAGE = """ERROR: usage: python -m pytest [options] [file_or_dir] [file_or_dir] [...]
python -m pytest: error: unrecognized arguments: --forked --cov=pkg
  inifile: /tree/pytest.ini
  rootdir: /tree
"""
_EXIT = "collecting ...\n!!!!!!!!!!!! _pytest.outcomes.Exit: no GPU found !!!!!!!!!!!!\n"


@pytest.mark.parametrize(
    ("printed", "code", "reason"),
    [
        (_USAGE, 4, "exit code 4: unrecognized arguments: --forked --cov=pkg"),
        (_EXIT, 0, "exit code 0: Exit: no GPU found"),
        ("collecting ... collected 1 item\n", 0, "exit code 0: collecting ... collected 1 item"),
        ("service is not running\n", None, "service is not running"),
    ],
)
def test_failed_start_has_exit_code_and_message_of_pytest(tmp_path, printed, code, reason):
    (tmp_path / "suite.log").write_text(printed)
    place = SimpleNamespace(stream=tmp_path / "stream.jsonl", logs=tmp_path)
    found = failed_start(SimpleNamespace(place=place, cells=None), code)
    assert found.reason == f"the suite could not start: {reason}"
