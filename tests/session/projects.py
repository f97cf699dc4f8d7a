"""Real repositories whose commits have the exit code of their check, and the command line run on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from forked_cli import Forked, run_forked

from bisect_tool.json_document.document import Document

ROOT = Path(__file__).parents[2]
BISECT_RUN = (sys.executable, "-c", "from bisect_tool.cli.app import main; main()")
MARK = "SESSION_TEST_MARK"
LIMIT_S = 240
"""Less than the limit of pytest-timeout; no session here takes a tenth of it on an idle machine."""

CHECK = """#!/bin/sh
# Exits with the code in the commit's file `code`.
read -r code < code
case $code in
hang) sleep 600 ;;
kill) kill -KILL $$ ;;
*) exit "$code" ;;
esac
"""


def numbered(*changed: tuple[int, str]) -> str:
    """Twenty numbered lines, some of them changed: edits of distant lines do not conflict."""
    lines = {number: str(number) for number in range(1, 21)} | dict(changed)
    return "".join(f"{line}\n" for line in lines.values())


@dataclass(frozen=True)
class Ended:
    """How a command line ended, and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Document:
        """The document of `--json`: it must be all of stdout and match the schema."""
        return Document.model_validate(json.loads(self.stdout))


class Project:
    """A checkout; the file `code` of a commit holds the exit code of its check."""

    def __init__(self, path: Path, home: Path, mark: str) -> None:
        self.path = path
        self.home = home
        self.mark = mark
        self.forked: list[Forked] = []
        self._clock = 1_700_000_000
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    @property
    def env(self) -> dict[str, str]:
        """The user's variables; with others of git, each git command of the tool would start env(1), too."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return kept | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "BISECT_RUN_HOME": str(self.home),
            MARK: self.mark,
        }

    @property
    def _writer(self) -> dict[str, str]:
        """Git's variables for the author and the committer, at the time of the newest commit."""
        return {
            f"GIT_{role}_{name}": value
            for role in ("AUTHOR", "COMMITTER")
            for name, value in (
                ("NAME", "A Writer"),
                ("EMAIL", "writer@example.invalid"),
                ("DATE", f"{self._clock} +0000"),
            )
        }

    def git(self, *args: str, folder: Path | None = None, stdin: str = "") -> str:
        command = ("git", "-c", "maintenance.auto=false", *args)
        done = subprocess.run(
            command,
            cwd=folder or self.path,
            env=self.env | self._writer,
            check=True,
            capture_output=True,
            text=True,
            input=stdin,
        )
        return done.stdout.strip()

    def commit(self, code: object, name: str = "", files: dict[str, str] | None = None) -> str:
        """A commit whose check ends with `code`; returns its name."""
        self._clock += 60
        for file, text in {"code": f"{code}\n", "name": f"{self._clock}\n", **(files or {})}.items():
            (self.path / file).write_text(text)
        self.git("add", "code", "name", *(files or {}))
        self.git("commit", "-q", "-m", name or f"code {code}")
        return self.head()

    def commit_files(self, subject: str, **files: str) -> str:
        """A commit of these files alone; returns its name."""
        for name, text in files.items():
            (self.path / name).write_text(text)
        self.git("add", *files)
        self.git("commit", "-q", "-m", subject)
        return self.head()

    def commits(self, *codes: object) -> list[str]:
        """A commit as `commit` makes it for each code; on a branch, three git processes make all of them.

        They do not contain other staged changes.
        """
        head = (self.path / ".git" / "HEAD").read_text().strip()
        branch = head.removeprefix("ref: ")
        if branch == head:
            return [self.commit(code) for code in codes]
        started = bool(self.git("for-each-ref", branch))
        imported = []
        for number, code in enumerate(codes):
            self._clock += 60
            onto = f"from {branch}^0\n" if started and number == 0 else ""
            imported.append(_import(branch, code, self._clock, onto))
        shas = self.git("fast-import", "--quiet", stdin="".join(imported)).split()
        self.git("checkout", "-q", "HEAD", "--", "code", "name")
        return shas

    def merge(self, branch: str, code: object) -> str:
        """Merge a branch into the current one; the merge's own check ends with `code`."""
        self._clock += 60
        self.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", branch)
        return self.commit(code, f"merge {branch}")

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def write_check(self, text: str = CHECK, name: str = "check.sh") -> Path:
        """An untracked executable script in the checkout."""
        script = self.path / name
        script.write_text(text)
        script.chmod(0o755)
        return script

    def start(self, *args: str, folder: Path | None = None) -> subprocess.Popen[str]:
        """The command line in a process group of its own, as a shell starts it."""
        return subprocess.Popen(
            [*BISECT_RUN, *args],
            cwd=folder or self.path,
            env=self.env | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fork(self, *args: str) -> Forked:
        """The command line in a process that is forked from this one; it ends with the test."""
        self.forked.append(Forked(args, self.path, self.env))
        return self.forked[-1]

    def run(self, *args: str, folder: Path | None = None) -> Ended:
        return Ended(*run_forked(args, folder or self.path, self.env, LIMIT_S))

    def deadline(self, least_s: float, *args: str) -> str:
        """A value of `--deadline`: at least `least_s`, and twice the time of `step` with `args`."""
        started_at = time.monotonic()
        ended = self.run("step", *args)
        assert ended.code == 0, ended.stderr
        return f"{max(least_s, 2 * (time.monotonic() - started_at)):.1f}"

    def snapshot(self) -> dict[str, tuple[float, bytes]]:
        """Every file of the checkout and of its git directory, with its time and content.

        What Python compiles where a check imports from the checkout is left out.
        """
        files = (
            file
            for file in self.path.rglob("*")
            if file.is_file() and not file.is_symlink() and file.parent.name != "__pycache__"
        )
        return {str(file): (file.stat().st_mtime, file.read_bytes()) for file in files}

    def git_bisect(self, good: str, bad: str, *check: str) -> tuple[int, list[str]]:
        """Exit code and remaining commits of `git bisect run`, in a clone with the same untracked files."""
        clone = self.home.parent / f"clone-{len(list(self.home.parent.iterdir()))}"
        self.git("clone", "-q", str(self.path), str(clone))
        for file in self.git("ls-files", "--others").splitlines():
            (clone / file).write_bytes((self.path / file).read_bytes())
            (clone / file).chmod(0o755)
        self.git("bisect", "start", bad, good, folder=clone)
        command = ("git", "bisect", "run", *check)
        done = subprocess.run(
            command, cwd=clone, env=self.env, check=False, capture_output=True, text=True, timeout=LIMIT_S
        )
        return done.returncode, left_by_git(clone, done.stdout)


def _import(branch: str, code: object, clock: int, onto: str) -> str:
    """A commit in the language of git-fast-import(1), which then prints its name."""
    who = f"A Writer <writer@example.invalid> {clock} +0000"
    files = {"code": f"{code}\n", "name": f"{clock}\n"}
    changes = "".join(f"M 100644 inline {file}\ndata {len(text)}\n{text}" for file, text in files.items())
    message = f"code {code}\n"
    return (
        f"commit {branch}\nmark :1\nauthor {who}\ncommitter {who}\n"
        f"data {len(message)}\n{message}{onto}{changes}\nget-mark :1\n"
    )


def left_by_git(clone: Path, output: str) -> list[str]:
    """The first bad commit that git reports, or the commits that it could be."""
    lines = output.splitlines()
    found = [line.split()[0] for line in lines if line.endswith("is the first bad commit")]
    if found:
        return found
    start = next((place for place, line in enumerate(lines) if "could be any of" in line), len(lines))
    return [line for line in lines[start + 1 :] if len(line) == 40]


def survivors(mark: str) -> list[str]:
    """Processes in /proc whose environment has the mark, without zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append(f"{entry.name} {state} {(entry / 'cmdline').read_bytes()!r}")
        except OSError:
            continue
    return found


class NullObserver:
    """An observer that does nothing."""

    def on_wait(self, sentence):
        pass

    def on_resume(self, trials):
        pass

    def on_decision(self, state):
        pass

    def on_trial_start(self, slot, step):
        pass

    def on_phase(self, slot, name, folder):
        pass

    def on_note(self, sentence):
        pass

    def on_trial_end(self, step, result):
        pass
