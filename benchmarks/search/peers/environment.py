"""A virtual environment for the peers: made once, in this folder, separate from that of bisect-run."""

from __future__ import annotations

import subprocess
import venv
from functools import cache
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
FOLDER = HOME / ".venv"
REQUIREMENTS = HOME / "requirements.txt"


@cache
def interpreter() -> Path:
    """The Python that has the peers in the versions asked for; they are installed where they are missing."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        venv.create(FOLDER, with_pip=True)
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run((*pip, "--requirement", REQUIREMENTS), check=True)
    return python


def command(name: str) -> Path:
    """A program of the environment."""
    return interpreter().with_name(name)
