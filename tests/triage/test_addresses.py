"""What a URL names, and which words are URLs."""

import pytest

from bisect_tool.triage.address import IssueAddress, build_address, is_address, issue_address

JOB = "0198a196-b376-4e2b-8420-3b9e85b48a54"
ISSUE = IssueAddress("vllm-project/vllm", 36624)


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/vllm-project/vllm/issues/36624",
        "https://github.com/vllm-project/vllm/issues/36624#issuecomment-1",
        "https://github.com/vllm-project/vllm/pull/36624/files",
        "http://www.github.com/vllm-project/vllm/issues/36624?x=1",
        "vllm-project/vllm#36624",
    ],
)
def test_issue_address(text):
    assert issue_address(text) == ISSUE
    assert is_address(text)


@pytest.mark.parametrize(
    ("text", "pipeline", "number", "job", "step"),
    [
        (f"https://buildkite.com/vllm/ci/builds/26788#{JOB}", "vllm/ci", 26788, JOB, ""),
        (f"https://buildkite.com/vllm/ci/builds/20544/steps?jid={JOB}", "vllm/ci", 20544, JOB, ""),
        (f"https://buildkite.com/vllm/ci/builds/5/steps/canvas?sid={JOB}&tab=output", "vllm/ci", 5, "", JOB),
        ("https://buildkite.com/vllm/amd-ci/builds/5/canvas", "vllm/amd-ci", 5, "", ""),
        ("https://buildkite.com/organizations/vllm/pipelines/ci/builds/7", "vllm/ci", 7, "", ""),
        ("https://github.com/o/p/actions/runs/23/job/67", "o/p", 23, "67", ""),
        ("https://github.com/o/p/actions/runs/23/attempts/2", "o/p", 23, "", ""),
    ],
)
def test_build_address(text, pipeline, number, job, step):
    found = build_address(text)
    assert (found.pipeline, found.number, found.job, found.step) == (pipeline, number, job, step)


@pytest.mark.parametrize(
    "text", ["https://example.org/x", "https://github.com/o/p", "https://buildkite.com/o/p"]
)
def test_other_pages_are_neither(text):
    assert issue_address(text) is None
    assert build_address(text) is None


@pytest.mark.parametrize("text", ["page.html", "-", "pages/36624.txt", "C#7", "./a/b#1"])
def test_files_are_no_addresses(text):
    assert not is_address(text)
