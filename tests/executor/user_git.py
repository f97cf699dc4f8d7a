"""Git as run by a user, in a new repository, without this machine's configuration."""

from __future__ import annotations

import os
import subprocess

_WHO = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def new_repository(folder):
    """Create a repository with a branch `main`; returns a function that runs git in it."""

    def git(*words):
        argv = ("git", "-C", str(folder), *words)
        env = {**os.environ, **_WHO, **_ALONE}
        return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout.strip()

    folder.mkdir()
    git("init", "-q", "-b", "main")
    return git
