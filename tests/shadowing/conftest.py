"""A checkout, and Pythons with tiny site-packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A checkout with a package in `src` and one at its top, next to folders for environments."""

    root: Path

    @property
    def checkout(self) -> Path:
        return self.root / "project"

    def write(self, path: str, text: str = "", mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(checkout=self.checkout, root=self.root))
        file.chmod(mode)
        return file

    def venv(self, path: str = "project/.venv", **files: str) -> Path:
        """A virtual environment with these files in its site-packages; returns its Python."""
        self.write(f"{path}/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
        python = self.write(f"{path}/bin/python", "\0binary", 0o755)
        for name, text in files.items():
            self.write(f"{path}/lib/python3.11/site-packages/{name}", text)
        return python


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path.resolve())
    made.write("project/src/pkg/__init__.py")
    made.write("project/flat/__init__.py")
    return made
