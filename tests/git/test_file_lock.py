"""What another run holds is said at once, and by whom."""

from __future__ import annotations

import os
import threading

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.git.file_lock import LeaseCancelledError, first_free, lease


def unexpected(sentence):
    raise AssertionError(sentence)


def test_who_holds_a_lease_is_named_before_anyone_waits(tmp_path):
    said, lock = [], tmp_path / "x.lock"
    with lease(lock, 0, "unused", unexpected):
        lock.write_text(str(os.getppid()))
        with (
            pytest.raises(EnvironmentFailed, match="another run is cloning it"),
            lease(lock, 0, "another run is cloning it", said.append),
        ):
            pytest.fail("two hold the lease")
    (sentence,) = said
    assert sentence.startswith(f"waiting: another run is cloning it (pid {os.getppid()}, since ")
    with lease(lock, 0, "unused", unexpected):
        pass


def test_what_this_process_holds_itself_is_not_said_to_be_another_run_s(tmp_path):
    lock = tmp_path / "x.lock"
    with (
        lease(lock, 0, "unused", unexpected),
        pytest.raises(EnvironmentFailed),
        lease(lock, 0, "busy", unexpected),
    ):
        pytest.fail("two hold the lease")


def test_a_wait_can_be_cancelled(tmp_path):
    cancel = threading.Event()
    with lease(tmp_path / "x.lock", 0, "unused", unexpected):
        (tmp_path / "x.lock").write_text(str(os.getppid()))
        with (
            pytest.raises(LeaseCancelledError),
            lease(tmp_path / "x.lock", 60, "busy", lambda _: cancel.set(), cancel),
        ):
            pytest.fail("two hold the lease")


def test_the_first_free_lock_is_taken(tmp_path):
    locks = [tmp_path / f"{number}.lock" for number in range(2)]
    with first_free(locks) as (one, _), first_free(locks) as (other, _):
        assert [one, other] == locks
        with pytest.raises(EnvironmentFailed), first_free(locks):
            pytest.fail("there is a third")
    with first_free(locks) as (again, _):
        assert again == locks[0]
