"""Whether a check may have missed a commit's changes."""

from __future__ import annotations

import pytest

from bisect_tool.shadowing import may_be_unseen


@pytest.mark.parametrize(
    ("changed", "hides"),
    [
        (("src/pkg/a.py",), ("src",)),
        (("src/pkg/data.json", "src/pkg/a.py", "CHANGES.md", "docs/a.txt"), ("src",)),
        (("pkg/a.py",), (".",)),
        (("packages/core/index.js", "packages/ui/a.ts"), ("packages/core", "packages/ui")),
        ((), ("src",)),
    ],
)
def test_commit_that_changes_only_hidden_modules_is_not_unseen(changed, hides):
    assert not may_be_unseen(changed, hides, ("python", "check.py"))


@pytest.mark.parametrize(
    ("changed", "hides"),
    [
        (("tests/test_a.py",), ("src",)),
        (("src/pkg/a.py", "tests/test_a.py"), ("src",)),
        (("src/pkg/tests/test_a.py",), ("src",)),
        (("src/pkg/a.py", "setup.cfg"), ("src",)),
        (("pkg/a.py", "pkg/data.json"), (".",)),
        (("pkg/a.py", "check.py"), (".",)),
        (("packages/core/a.test.js",), ("packages/core",)),
        (("packages/other/a.js",), ("packages/core",)),
    ],
)
def test_commit_that_also_changes_other_files_may_be_unseen(changed, hides):
    assert may_be_unseen(changed, hides, ("python", "./check.py"))
