"""Links lead to the origin's own pages, and only there."""

from __future__ import annotations

import pytest

from bisect_tool.git.forge import Forge, called, forge_of

VLLM = "https://github.com/vllm-project/vllm"
LAB = "https://gitlab.com/group/sub/project"
OWN = "https://gitlab.example.org/a/b"


@pytest.mark.parametrize(
    ("origin", "web"),
    [
        (VLLM, VLLM),
        (f"{VLLM}.git", VLLM),
        ("https://***@github.com/vllm-project/vllm/", VLLM),
        ("git@github.com:vllm-project/vllm.git", VLLM),
        ("git@GitHub.com:vllm-project/vllm", VLLM),
        ("ssh://git@github.com/vllm-project/vllm", VLLM),
        ("ssh://git@github.com:22/vllm-project/vllm.git", VLLM),
        ("git://github.com/vllm-project/vllm", VLLM),
        ("http://github.com/vllm-project/vllm", VLLM),
        ("https://gitlab.com/group/sub/project.git", LAB),
        ("git@gitlab.com:group/sub/project.git", LAB),
        ("git@gitlab.example.org:a/b.git", OWN),
        ("ssh://git@gitlab.example.org:2222/a/b.git", OWN),
        ("https://gitlab.example.org:8443/a/b", "https://gitlab.example.org:8443/a/b"),
        ("http://gitlab.intern/a/b", "http://gitlab.intern/a/b"),
    ],
)
def test_web_address_of_an_origin(origin, web):
    assert forge_of(origin).web == web


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com.evil.example/vllm-project/vllm",
        "https://github.com@evil.example/vllm-project/vllm",
        "https://evil.example/github.com/vllm-project/vllm",
        "https://gitlab.com.evil.example/a/b",
        "https://evilgitlab.com/a/b",
        f"{VLLM}/../../x",
        f"{VLLM})[x](http://evil.example",
        f"{VLLM}\n",
        f"{VLLM}?x=1",
        "https://github.com/vllm",
        "https://bitbucket.org/a/b",
        "git@bitbucket.org:a/b.git",
        "/home/ada/vllm",
        "file:///srv/github.com/a/b",
        "",
    ],
)
def test_other_origins_have_no_web_address(origin):
    assert forge_of(origin) is None


@pytest.mark.parametrize(
    ("web", "commit", "request_page", "name"),
    [
        (VLLM, f"{VLLM}/commit/abc", f"{VLLM}/pull/12", "PR #12"),
        (LAB, f"{LAB}/-/commit/abc", f"{LAB}/-/merge_requests/12", "MR !12"),
    ],
)
def test_pages_of_a_commit_and_of_a_request(web, commit, request_page, name):
    forge = forge_of(web)
    assert (forge.commit("abc"), forge.request(12)) == (commit, request_page)
    assert called(12, forge) == name


def test_default_name_is_pull_request():
    assert called(12, None) == "PR #12"
    assert Forge(VLLM, gitlab=False).request(1).endswith("/pull/1")
