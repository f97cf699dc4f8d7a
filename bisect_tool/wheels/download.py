"""Download a wheel, resuming after a broken connection or a killed run.

A download is resumed only if the server confirms that the file is unchanged (`If-Range`, RFC 9110).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import requests

from bisect_tool.transfer_timeout import CHUNK, TooSlow, transfer
from bisect_tool.wheels.client import INTERRUPTED, MISLED, TRIES, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bisect_tool.transfer_timeout import OnChunk
    from bisect_tool.wheels.client import Client

_log = logging.getLogger("bisect_run.wheels")
WHEEL_LIMIT = 8 << 30
_DEADLINE_S = 6 * 3600.0
"""For each try: a wheel of 8 GiB at 400 KB/s. A build ends earlier (`check`)."""
_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})")


@dataclass(frozen=True)
class _State:
    """The URL and validator of an unfinished download; the latter is empty if the server sends none."""

    url: str
    validator: str


def download(
    client: Client, url: str, part: Path, check: Callable[[], None], limit: int = WHEEL_LIMIT
) -> str:
    """Download a file to `part`; returns its SHA-256 in hex.

    Args:
        client: the server.
        url: the file.
        part: the path to write to. An unfinished download there is resumed, and kept if this try fails.
        check: called repeatedly; an exception that it raises aborts the download.
        limit: the largest size in bytes.

    Raises:
        Missing: the server has no such file.
        Unavailable: it cannot be reached, is too slow, closes connections repeatedly, or sends too much.
    """
    last: Exception = Unavailable("")
    for attempt in range(TRIES):
        if attempt:
            client.sleep(2.0 ** (attempt - 1))
        check()
        try:
            transfer(partial(_continue, client, url, part, limit), check, _DEADLINE_S)
        except TooSlow as error:
            raise client.too_slow(url, error) from None
        except (*INTERRUPTED, Unavailable) as error:
            _log.warning("download of %s: %s, try %d of %d", url, error, attempt + 1, TRIES)
            last = error
        except MISLED as error:
            raise client.failed(error) from error
        else:
            _state_file(part).unlink(missing_ok=True)
            return sha256(part)
    raise client.failed(last) from last


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(part: Path) -> None:
    """Remove an unfinished download."""
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


def _continue(client: Client, url: str, part: Path, limit: int, on_chunk: OnChunk) -> None:
    """Append the missing bytes, or restart if the file may have changed."""
    there, validator = _there(part, url)
    headers = {"Range": f"bytes={there}-", "If-Range": validator} if there else {}
    with client.open(url, headers) as response:
        on_chunk(0)
        if response.status_code == requests.codes.range_not_satisfiable:
            discard(part)
            raise Unavailable(f"{url} is shorter than the part that was downloaded before")
        begin, total = _extent(response)
        if begin not in {0, there}:
            raise Unavailable(f"{url}: the server sent a different byte range than requested")
        if total > limit:
            raise Unavailable(f"{url} is longer than {limit >> 20} MiB")
        if not begin:
            discard(part)
            state = _State(url, _validator(response))
            _state_file(part).write_text(json.dumps(asdict(state)), encoding="utf-8")
        length = _append(response, part, begin, on_chunk, min(total, limit) if total >= 0 else limit)
    if total >= 0 and length != total:
        raise Unavailable(f"{url} ended after {length} of {total} bytes")


def _append(response: requests.Response, part: Path, begin: int, on_chunk: OnChunk, most: int) -> int:
    """Write a body from byte `begin` on; returns the length of the file.

    If the connection breaks, the incomplete last chunk is lost.
    """
    length = begin
    # Unbuffered: of a transfer that was given up, only the chunk at hand is still written, at its own place.
    with part.open("r+b" if begin else "wb", buffering=0) as file:
        file.seek(begin)
        for chunk in response.iter_content(CHUNK):
            on_chunk(len(chunk))
            length += len(chunk)
            if length > most:
                raise Unavailable(f"{response.url} is longer than {most} bytes")
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
    return length


def _there(part: Path, url: str) -> tuple[int, str]:
    """Return the bytes of an unfinished download, and its validator; 0 if it cannot be resumed."""
    try:
        state = _State(**json.loads(_state_file(part).read_text(encoding="utf-8")))
        size = part.stat().st_size
    except (OSError, ValueError, TypeError):  # nothing is there, or it was killed while it wrote that
        return 0, ""
    return (size, state.validator) if state.url == url and state.validator else (0, "")


def _validator(response: requests.Response) -> str:
    """Return the header that identifies the bytes of a file; not a weak ETag."""
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _extent(response: requests.Response) -> tuple[int, int]:
    """Return the first byte of the answer, and the length of the whole file; -1 if unknown."""
    if response.status_code == requests.codes.partial_content:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return (int(match[1]), int(match[2])) if match else (-1, -1)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else -1


def _state_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
