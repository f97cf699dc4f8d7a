"""What a document answers, arranged for reading."""

from __future__ import annotations

import documents
import pytest

from bisect_tool.report import answer

LINK = "https://github.com/vllm-project/vllm/pull/34730"


@pytest.mark.parametrize(
    ("repo", "url"),
    [
        ("https://github.com/vllm-project/vllm", LINK),
        ("https://github.com/vllm-project/vllm.git", LINK),
        ("https://***@github.com/vllm-project/vllm/", LINK),
        ("git@github.com:vllm-project/vllm.git", LINK),
        ("ssh://git@github.com/vllm-project/vllm", LINK),
        ("https://github.com.evil.example/vllm-project/vllm", ""),
        ("https://github.com@evil.example/vllm-project/vllm", ""),
        ("https://evil.example/github.com/vllm-project/vllm", ""),
        ("https://github.com/vllm-project/vllm/../../x", ""),
        ("https://github.com/vllm-project/vllm)[x](http://evil.example", ""),
        ("https://github.com/vllm-project/vllm\n", ""),
        ("/home/ada/vllm", ""),
    ],
)
def test_link_only_where_the_repository_is_on_github(repo, url):
    assert answer.pull_request_url(repo, 34730) == url
    assert answer.pull_request_url(repo, None) == ""


@pytest.mark.parametrize(
    ("red", "green", "contrast"),
    [
        (("a[4]", "b[4-model]"), ("a[1]",), (("[4]",), ("[1]",))),
        (("a[4]",), ("a[1]", "b[4]"), ((), ())),
        (("a[4]",), ("a",), ((), ())),
        (("a[4]",), (), ((), ())),
    ],
)
def test_contrast_of_red_and_green_parameters(red, green, contrast):
    cells = {**dict.fromkeys(red, documents.red()), **dict.fromkeys(green, documents.green())}
    assert answer.contrast(documents.document(cells=cells)) == answer.Contrast(*contrast)


def test_cells_with_one_culprit_come_together():
    first, second = answer.culprits(documents.two_culprits())
    assert (first.commit.sha, first.cells) == (documents.CULPRIT, documents.RED_CELLS[:1])
    assert (second.commit.sha, second.cells) == (documents.BROKEN, documents.RED_CELLS[1:2])


def test_last_candidate_is_bad_and_the_others_have_reasons():
    (group,) = answer.candidates(documents.inconclusive())
    assert [view.sha for view in group.candidates] == [documents.BROKEN, documents.PARENT, documents.CULPRIT]
    assert [bool(view.reason) for view in group.candidates] == [True, True, False]


def test_culprit_with_native_changes_is_found():
    assert [change.sha for change in answer.native_culprits(documents.culprit())] == [documents.CULPRIT]
