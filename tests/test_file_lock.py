"""File locks: waiting is announced at once, with the holder."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import threading

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.file_lock import LeaseCancelledError, first_free, is_held, lease, shared, try_lock


def unexpected(sentence):
    raise AssertionError(sentence)


def test_holder_of_a_lease_is_named_before_the_wait_and_after_it(tmp_path):
    notices, lock = [], tmp_path / "x.lock"
    who = f"another run is cloning it (pid {os.getppid()}, since "
    with lease(lock, 0, "unused", unexpected):
        lock.write_text(str(os.getppid()))
        with (
            pytest.raises(EnvironmentFailed, match=re.escape(who)),
            lease(lock, 0.01, "another run is cloning it", notices.append),
        ):
            pytest.fail("two hold the lease")
    (sentence,) = notices
    assert sentence.startswith(f"waiting: {who}")
    with lease(lock, 0, "unused", unexpected):
        pass


def test_holder_of_a_lease_without_a_wait_is_named_once(tmp_path):
    lock = tmp_path / "x.lock"
    with lease(lock, 0, "unused", unexpected):
        lock.write_text(str(os.getppid()))
        with (
            pytest.raises(EnvironmentFailed, match=rf"busy \(pid {os.getppid()}, since "),
            lease(lock, 0, "busy", unexpected),
        ):
            pytest.fail("two hold the lease")


def test_lease_held_by_this_process_is_an_error(tmp_path):
    lock = tmp_path / "x.lock"
    with (
        lease(lock, 0, "unused", unexpected),
        pytest.raises(EnvironmentFailed),
        lease(lock, 0, "busy", unexpected),
    ):
        pytest.fail("two hold the lease")


def test_wait_can_be_cancelled(tmp_path):
    cancel = threading.Event()
    with lease(tmp_path / "x.lock", 0, "unused", unexpected):
        (tmp_path / "x.lock").write_text(str(os.getppid()))
        with (
            pytest.raises(LeaseCancelledError),
            lease(tmp_path / "x.lock", 60, "busy", lambda _: cancel.set(), cancel),
        ):
            pytest.fail("two hold the lease")


def test_first_free_lock_is_taken(tmp_path):
    locks = [tmp_path / f"{number}.lock" for number in range(2)]
    with first_free(locks) as (one, _), first_free(locks) as (other, _):
        assert [one, other] == locks
        with pytest.raises(EnvironmentFailed), first_free(locks):
            pytest.fail("there is a third")
    with first_free(locks) as (again, _):
        assert again == locks[0]


def test_lock_is_held_until_the_block_ends(tmp_path):
    lock = tmp_path / "folder" / "x.lock"
    with try_lock(lock) as held, try_lock(lock) as refused:
        assert held is not None
        assert refused is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)
    with try_lock(lock) as again:
        assert again is not None


def test_child_that_inherits_a_lock_keeps_it(tmp_path):
    lock = tmp_path / "x.lock"
    with try_lock(lock) as held:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(held,))
    with try_lock(lock) as refused:
        assert refused is None
    child.communicate()
    with try_lock(lock) as again:
        assert again is not None


def test_child_without_the_inherited_lock_does_not_hold_it(tmp_path):
    with try_lock(tmp_path / "x.lock"):
        child = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, close_fds=False
        )
    child.stdin.write(b"x")
    assert child.stdout.read(1) == b"x"  # it runs: what it did not inherit is closed
    with try_lock(tmp_path / "x.lock") as again:
        assert again is not None
    child.communicate()


def test_pipe_in_place_of_a_lock_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")
    with try_lock(tmp_path / "lock") as held:
        assert held is not None


def test_query_of_a_lock_neither_creates_nor_takes_it(tmp_path):
    lock = tmp_path / "x.lock"
    assert not is_held(lock)
    assert not lock.exists()
    with try_lock(lock):
        assert is_held(lock)
    lock.chmod(0o444)
    assert not is_held(lock)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EIO])
def test_filesystem_without_locks_is_an_environment_error(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = tmp_path / "x.lock"
    for taking in (
        lease(lock, 9, "busy", unexpected),
        try_lock(lock),
        first_free([lock]),
        shared(lock, 9, ""),
    ):
        with pytest.raises(EnvironmentFailed, match="cannot be locked") as raised, taking:
            pytest.fail("it was taken")
        assert "BISECT_RUN_HOME" in raised.value.hint
    assert not is_held(lock)
