"""The public URL of a repository, without secrets."""

from __future__ import annotations

import pytest

from bisect_tool.git.commit import merge_request
from bisect_tool.git.origin import public
from bisect_tool.git.safe_directory import trusted_server


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://user:tok-123@github.com/a/b", "https://github.com/a/b"),
        ("https://tok-123@github.com/a/b", "https://github.com/a/b"),
        ("https://x.org/a/b?private_token=abc#x", "https://x.org/a/b"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("ssh://git:secret@x.org/a", "ssh://git@x.org/a"),
        ("ssh://git@x.org:22/a", "ssh://git@x.org:22/a"),
        ("host.example:a/b.git", "host.example:a/b.git"),
        ("/home/ada/project", ""),
        ("../upstream.git", ""),
        ("~/upstream", ""),
        ("upstream", ""),
        ("file:///home/ada/project", ""),
        ("FILE:///home/ada/project", ""),
        ("C:\\work\\project", ""),
        ("ext::sh -c evil", ""),
        ("", ""),
    ],
)
def test_public_url(url, shown):
    assert public(url) == shown


def test_origin_of_a_checkout(project, opened):
    project.commit("first")
    assert opened().origin == ""
    project.git("remote", "add", "upstream", "https://me:secret@x.org/a/b")
    assert opened().origin == "https://x.org/a/b"
    project.git("remote", "add", "fork", "https://x.org/me/b")
    assert opened().origin == ""
    project.git("remote", "add", "origin", "git@x.org:a/c.git")
    assert opened().origin == "git@x.org:a/c.git"


@pytest.mark.parametrize(
    ("subject", "body", "number"),
    [
        ("Merge branch 'a' into 'main'", "Text (!3)\n\nSee merge request group/sub/project!12", 12),
        ("Add a thing (!7)", "", 7),
        ("Fix an issue (#7)", "see merge request !8 in passing", None),
        ("", "", None),
    ],
)
def test_merge_requests_of_gitlab(subject, body, number):
    assert merge_request(subject, body) == number


def test_other_origins_than_folders_need_no_setting():
    assert [trusted_server(url) for url in ("http://[::1/x", "file:///none/of/this", "https://a/b")] == [
        ()
    ] * 3
