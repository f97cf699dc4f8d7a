"""What another run holds is said at once, and by whom."""

from __future__ import annotations

import os

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.history.lease import first_free, lease


def unexpected(sentence):
    raise AssertionError(sentence)


def test_who_holds_a_lease_is_named_before_anyone_waits(tmp_path):
    said = []
    with (
        lease(tmp_path / "x.lock", 0, "unused", unexpected),
        pytest.raises(EnvironmentFailed, match="another run is cloning it"),
        lease(tmp_path / "x.lock", 0, "another run is cloning it", said.append),
    ):
        pytest.fail("two hold the lease")
    (sentence,) = said
    assert sentence.startswith(f"waiting: another run is cloning it (pid {os.getpid()}, since ")
    with lease(tmp_path / "x.lock", 0, "unused", unexpected):
        pass


def test_the_first_free_lock_is_taken(tmp_path):
    locks = [tmp_path / f"{number}.lock" for number in range(2)]
    with first_free(locks) as (one, _), first_free(locks) as (other, _):
        assert [one, other] == locks
        with pytest.raises(EnvironmentFailed), first_free(locks):
            pytest.fail("there is a third")
    with first_free(locks) as (again, _):
        assert again == locks[0]
