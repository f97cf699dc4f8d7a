import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bisect_tool.build import BuildProfile, Environment, installer, prepare


@pytest.fixture(params=["pip", "uv"])
def installed_by(request, monkeypatch):
    """Run the test once with each installer; uv is skipped if it is not installed."""
    found = installer.Installer.find
    if request.param == "pip":
        monkeypatch.setattr(installer.Installer, "find", lambda job: installer.Installer(job, uv=""))
    elif not found(None).uv:
        pytest.skip("uv is not installed")
    return request.param


@pytest.fixture(scope="session")
def virtual_environment(once, run_folder):
    """A virtual environment with pip, which takes seconds to make; to be copied only."""

    def make():
        folder = run_folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        return str(folder)

    return Path(once("virtual-environment", make))


@pytest.fixture
def copied_environments(virtual_environment, monkeypatch):
    """Give each build with pip a copy of one virtual environment; test_source makes its own."""
    create = installer.Installer.create

    def copy_or_create(chosen):
        if chosen.uv or chosen.build.profile.python:
            create(chosen)
        else:
            shutil.copytree(virtual_environment, chosen.build.folder / "venv", symlinks=True)

    monkeypatch.setattr(installer.Installer, "create", copy_or_create)


@pytest.fixture
def commands():
    """A profile that runs Python programs: `commands("print(1)", timeout_s=5)`."""

    def make(*programs: str, **settings) -> BuildProfile:
        argv = [["{python}", "-c", program, "{out}", "{tree}"] for program in programs]
        return BuildProfile(provider="command", command=argv, **settings)

    return make


@pytest.fixture
def repository(tmp_path):
    """A git repository: `commit(message, path=content, ...)` returns the new commit's name."""
    folder = tmp_path / "repository"
    git = shutil.which("git")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "a@b.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }

    def run(*words: str) -> str:
        done = subprocess.run([git, *words], cwd=folder, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    class Commits:
        path = folder

        def __call__(self, files: dict[str, str]) -> str:
            for name, content in files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            run("add", "--all")
            run("commit", "--quiet", "--message", "change")
            return run("rev-parse", "HEAD")

    folder.mkdir()
    run("init", "--quiet", "--initial-branch", "main")
    return Commits()


@dataclass(frozen=True)
class BuildPaths:
    """A commit's tree, the cache, and the log of a build."""

    tree: Path
    cache: Path
    log: Path

    def prepare(self, profile: BuildProfile, name: str = "f", **settings) -> Environment:
        return prepare(self.tree, name, profile, self.cache, self.log, **settings)


@pytest.fixture
def build_paths(tmp_path) -> BuildPaths:
    (tmp_path / "tree").mkdir()
    return BuildPaths(tmp_path / "tree", tmp_path / "cache", tmp_path / "logs" / "build.log")
