"""What is meant where the command line names no repository: the current folder, if it can be."""

import os
from pathlib import Path

import pytest

from bisect_tool.home import home as current_home
from bisect_tool.resolve import Words, resolve


@pytest.mark.parametrize("inside", [".", "objects"])
def test_a_bare_repository_is_meant(engine, monkeypatch, inside):
    monkeypatch.chdir(engine / inside)
    resolved = resolve(Words(goods=("good",), bad="bad"), current_home(), pytest.fail)
    assert resolved.request.repo == os.path.normpath(engine / inside)
    assert resolved.request.profile == "reference"


def test_the_git_folder_of_a_checkout_is_no_bare_repository(project, monkeypatch):
    """Of a checkout its files say whether it is the engine."""
    told = []

    class Asked(Exception):
        pass

    def notice(sentence):
        told.append(sentence)
        raise Asked

    monkeypatch.chdir(Path(project.path, ".git"))
    with pytest.raises(Asked):
        resolve(Words(goods=("c1",), bad="c8"), current_home(), notice)
    assert told[0].startswith("this folder is not what scenario external-lb-dp tests")
