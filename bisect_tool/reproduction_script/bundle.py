"""Put files into the script: text as here documents, the modules of this package as an archive."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = "@MODULES@"
"""Stands for the archive in the script, until its text was cleaned."""
TINY_MODEL = "tiny_model.py"
_PACKAGE = Path(__file__).parent.parent
_MODULES = (
    "__init__.py",
    "errors.py",
    "sanitise.py",
    "secret_patterns.py",
    "parse_untrusted.py",
    "verdict.py",
    "evidence",
    "supervise",
    "pytest_plugin",
)
"""The parts of this package behind a suite's fixtures."""
_FILE_LIMIT = 256 * 1024


def is_text(path: Path) -> bool:
    """Whether it is a readable text file that is not too large for a script."""
    try:
        if not path.is_file() or path.stat().st_size > _FILE_LIMIT:
            return False
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # that is the answer
        return False
    return True


def heredoc(target: str, text: str) -> Iterator[str]:
    """Write a text file; `target` is a word of the shell."""
    mark = "END"
    while mark in text.splitlines():
        mark += "_"
    yield f"cat > {target} <<'{mark}'\n{text.rstrip()}\n{mark}"


def modules() -> str:
    """The modules as a compressed archive in base64: the same bytes every time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file,
        tarfile.open(fileobj=file, mode="w") as tar,
    ):
        for name in _MODULES:
            for path in sorted(_sources(_PACKAGE / name)):
                _add(tar, path, f"bisect_tool/{path.relative_to(_PACKAGE)}")
        _add(tar, _PACKAGE / "build" / TINY_MODEL, TINY_MODEL)
    return base64.encodebytes(packed.getvalue()).decode().rstrip()


def _sources(path: Path) -> Iterator[Path]:
    """A module, or those of a folder with the table of patterns that they read."""
    yield from (*path.glob("*.py"), *path.glob("*.toml")) if path.is_dir() else (path,)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
