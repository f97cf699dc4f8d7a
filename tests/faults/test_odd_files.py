"""A program that replaces the files by which it is watched by pipes, links and folders."""

from __future__ import annotations

import pytest

from bisect_tool.supervise.guardian_protocol import Reason

RECORDS = "guardian.json processes.jsonl shm.jsonl result.json"
LOGS = "logs/suite.log logs/suite.log.times logs/a.log.times"
ODD = {
    "pipe": "rm -rf $f; mkfifo $f",
    "endless": "rm -rf $f; ln -s /dev/zero $f",
    "dangling": "rm -rf $f; ln -s nowhere/at/all $f",
    "empty": ": > $f",
}


@pytest.mark.parametrize("kind", ODD)
def test_no_record_is_waited_for_or_followed(guard, kind):
    plant = f"for f in {RECORDS} {LOGS}; do {ODD[kind]}; done"
    script = f"{plant}; for n in 1 2 3 4 5; do echo $n >> logs/b.log; sleep 0.1; done; exit 3"
    run = guard(argv=("sh", "-c", script), deadline_s=30.0)
    assert (run.result.reason, run.result.exit_code) == (Reason.EXITED, 3)
    assert run.survivors == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("rm -rf $PWD", Reason.LOST),
        ("rm -rf $PWD; touch $PWD", Reason.LOST),
        ("rm -f result.json; mkdir -p result.json/x", Reason.LOST),
        ("rm -rf logs", Reason.EXITED),
    ],
)
def test_program_that_removes_its_records(guard, script, reason):
    run = guard(argv=("sh", "-c", f"{script}; exit 1"), deadline_s=30.0)
    assert run.result.reason is reason
    assert run.survivors == []


@pytest.mark.parametrize("taken", [".", "logs"])
def test_nothing_is_written_through_a_link_in_place_of_a_folder(guard, tmp_path, taken):
    """The files behind it belong to the user, and have the names of our records."""
    users = tmp_path / "users"
    (users / "logs").mkdir(parents=True)
    files = [users / name for name in (*RECORDS.split(), *LOGS.split(), "suite.log", "a.log")]
    for file in files:
        file.write_text("theirs")
    before = sorted(users.rglob("*"))
    replaced = f"d=$(realpath {taken}); mv $d $d.away; ln -s {users} $d"
    run = guard(argv=("sh", "-c", f"{replaced}; for n in 1 2 3; do echo $n; sleep 0.3; done; exit 3"))
    assert run.result.reason is (Reason.LOST if taken == "." else Reason.EXITED)
    assert {file.read_text() for file in files} == {"theirs"}
    assert sorted(users.rglob("*")) == before
    assert run.survivors == []
