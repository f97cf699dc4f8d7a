"""Programs start as under a shell; if one cannot, the error names it and the reason."""

from __future__ import annotations

import os

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianSpec


def run(folder, *argv):
    spec = GuardianSpec(
        argv=argv,
        cwd=folder,
        env={"PATH": f"{folder}:{os.defpath}"},
        stdout=folder / "out.log",
        watch=folder,
        folder=folder / "records",
        deadline_s=30,
    )
    return run_guarded(spec)


def write(folder, content, mode=0o755):
    file = folder / "check"
    file.write_bytes(content)
    file.chmod(mode)


@pytest.mark.parametrize("program", ["./check", "check"])
def test_script_without_a_first_line_runs_under_sh(tmp_path, program):
    write(tmp_path, b'echo "$1"; exit 3\n')
    result = run(tmp_path, program, "a b")
    assert (result.exit_code, result.not_started) == (3, "")
    assert (tmp_path / "out.log").read_text() == "a b\n"


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"#!/bin/sh\n", 0o644, "it is not executable"),
        (b"#!/no/such/interpreter -x\n", 0o755, "its interpreter /no/such/interpreter does not exist"),
        (b"#!/bin/sh\r\nexit 0\r\n", 0o755, "Windows line ends (CRLF)"),
        (b"\x7fELF\0\0", 0o755, "it is not a program for this machine"),
        (None, 0, "it does not exist"),
    ],
)
def test_program_that_cannot_start_has_a_reason(tmp_path, content, mode, why):
    if content is not None:
        write(tmp_path, content, mode)
    result = run(tmp_path, "./check")
    assert result.exit_code == 127
    assert result.not_started.startswith("cannot run ./check: ")
    assert why in result.not_started
    assert result.not_started in (tmp_path / "out.log").read_text()


def test_folder_cannot_be_started(tmp_path):
    (tmp_path / "check").mkdir()
    assert run(tmp_path, "./check").not_started == "cannot run ./check: it is a directory"


def test_check_that_ends_with_127_itself_was_started(tmp_path):
    result = run(tmp_path, "sh", "-c", "no-such-tool")
    assert (result.exit_code, result.not_started) == (127, "")
