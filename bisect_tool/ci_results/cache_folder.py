"""A folder with a file for each URL that was read; files that nobody used for a month are removed."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bisect_tool.supervise.files import write_atomically

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_log = logging.getLogger("bisect_run.ci_results")
_KEPT: Final = timedelta(days=30)


class CacheFolder:
    """The files; each ends with `suffix`."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix

    def file(self, url: str) -> Path:
        """Return the file of a URL, which need not exist."""
        return (
            self._folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}{self._suffix}"
        )

    def read(self, url: str) -> bytes:
        """Return the content of a URL's file, and note that it was used.

        Raises:
            FileNotFoundError: the URL was never read.
            OSError: the file cannot be read.
        """
        file = self.file(url)
        content = file.read_bytes()
        try:
            os.utime(file, follow_symlinks=False)  # a dry run has links to files of the home
        except OSError as error:
            _log.debug("cannot record the use of %s: %s", file, error)
        return content

    def write(self, url: str, content: bytes) -> None:
        """Write the file of a URL; it is replaced atomically."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.file(url), content)

    def remove_unused(self, now: datetime) -> None:
        """Remove the files that were not used for a month."""
        oldest = (now - _KEPT).timestamp()
        for file in list(self._folder.glob("*")):
            try:
                if file.lstat().st_mtime < oldest:
                    file.unlink()
            except OSError as error:  # another run was faster, or it is not ours
                _log.info("%s is kept: %s", file, error)
