"""The output of `prune`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bisect_tool.disk_usage.item import Item, Kind
from bisect_tool.disk_usage.plan import Limits, Plan, Reason, Removal
from bisect_tool.disk_usage.remove import RemovalResult, RemovalStatus
from bisect_tool.json_document.prune import prune_document
from bisect_tool.render.prune import render_prune

NOW = datetime(2026, 3, 6, tzinfo=UTC)
MONTH = timedelta(days=30)


def removal(kind, name, size, days, reason=Reason.AGE):
    return Removal(Item(kind, name, Path("unused"), size, NOW - timedelta(days=days)), reason)


ENVIRONMENT = removal(Kind.ENVIRONMENT, "0f3a", 8 * 2**30, 41)
WORKTREE = removal(Kind.WORKTREE, "engine-12/slot-1", 2**29, 3, Reason.SIZE)
LOGS = removal(Kind.LOGS, "20260101-101500-1a2b", 5 * 2**20, 64)
HELD = Item(Kind.ENVIRONMENT, "9c1d", Path("unused"), 2**33, NOW)


def pruned(*ended, held=(), size=None, dry=False):
    chosen = Plan(tuple(each.removal for each in ended), held)
    return prune_document(chosen, ended, 20 * 2**30, Limits(MONTH, size), dry=dry)


def test_removed_items_have_reasons_and_the_total_is_shown(printed):
    document = pruned(*map(RemovalResult, (ENVIRONMENT, LOGS, WORKTREE)))
    assert printed(render_prune(document, NOW)) == (
        "Removed 1 environment, 1 worktree and the logs of 1 session: 8.5 GiB freed, 11.5 GiB left.\n"
        "\n"
        "  environment  0f3a                  8.0 GiB  last used 41 d ago\n"
        "  logs         20260101-101500-1a2b  5.0 MiB  last used 64 d ago\n"
        "  worktree     engine-12/slot-1      512 MiB  last used 3 d ago, over --max-size\n"
    )
    assert document.exit_code == 0


def test_dry_run_lists_what_would_be_removed(printed):
    text = printed(render_prune(pruned(RemovalResult(ENVIRONMENT), dry=True), NOW))
    assert text.startswith("Would remove 1 environment: 8.0 GiB to free, 12.0 GiB left.\n")


def test_nothing_to_remove(printed):
    assert printed(render_prune(pruned(), NOW)) == "Nothing to remove, 20.0 GiB left.\n"


def test_failed_prune_does_not_print_that_nothing_is_left_to_remove(printed):
    """Such as logs, if the store cannot be read."""
    failed = pruned().model_copy(update={"exit_code": 5})
    assert printed(render_prune(failed, NOW)) == "Nothing was removed, 20.0 GiB left.\n"


def test_items_in_use_are_listed_as_kept(printed):
    document = pruned(RemovalResult(WORKTREE, RemovalStatus.IN_USE), held=(HELD,), size=2**30)
    assert printed(render_prune(document, NOW)) == (
        "Nothing to remove, 20.0 GiB left.\n"
        "\n"
        "Kept\n"
        "  environment  9c1d              8.0 GiB  in use\n"
        "  worktree     engine-12/slot-1  512 MiB  in use\n"
        "\n"
        "Still 19.0 GiB above --max-size: the rest is in use, or is never removed.\n"
    )
    assert document.exit_code == 0


def test_failed_removal_is_an_environment_error(printed):
    document = pruned(
        RemovalResult(ENVIRONMENT, RemovalStatus.FAILED, "Permission denied: x"), RemovalResult(LOGS)
    )
    assert document.exit_code == 5
    assert document.freed_bytes == 5 * 2**20
    assert "Permission denied: x\n" in printed(render_prune(document, NOW))


def test_item_removed_by_another_prune_is_not_counted():
    document = pruned(RemovalResult(ENVIRONMENT, RemovalStatus.GONE))
    assert (document.removed, document.freed_bytes, document.bytes) == ((), 0, 12 * 2**30)


def test_the_json_document():
    document = json.loads(pruned(RemovalResult(ENVIRONMENT), held=(HELD,), size=2**30).to_json())
    assert document == {
        "schema": 1,
        "command": "prune",
        "dry_run": False,
        "older_than_days": 30.0,
        "max_bytes": 2**30,
        "removed": [
            {
                "kind": "environment",
                "name": "0f3a",
                "bytes": 2**33,
                "last_used": "2026-01-24T00:00:00+00:00",
                "reason": "age",
            }
        ],
        "kept": [{"kind": "environment", "name": "9c1d", "bytes": 2**33, "reason": "in use"}],
        "freed_bytes": 2**33,
        "bytes": 12 * 2**30,
        "exit_code": 0,
    }
