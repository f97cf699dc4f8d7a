"""Read `metadata.json`, the list of a commit's wheels, and choose one that this machine can use. Pure.

The list is untrusted. Its paths must be wheels below the folder of that commit: paths to another commit,
another server or outside the URL are rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version  # noqa: TC002 - dataclasses are read by tools
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Collection

    from packaging.tags import Tag

_MOST_WHEELS = 1000
_SHOWN = 200


class BadIndex(EnvironmentFailed):
    """The list of wheels is invalid: the server is wrong, or not a wheel server."""


@dataclass(frozen=True)
class Wheel:
    """A published wheel of a commit; `variant` is empty for the default one."""

    sha: str
    url: str
    filename: str
    version: Version
    variant: str


class _Entry(BaseModel):
    """An entry of the list; `variant` is null if the version has none."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    package_name: str = Field("", max_length=_SHOWN)
    version: str = Field(max_length=_SHOWN)
    platform_tag: str = Field(max_length=_SHOWN)
    variant: str | None = Field(None, max_length=_SHOWN)
    path: str = Field(min_length=1, max_length=1000)


_ENTRIES = TypeAdapter(list[_Entry])


@dataclass(frozen=True)
class Index:
    """The list of a commit's wheels of a variant and package, on the server with the URL `base`."""

    base: str
    sha: str
    variant: str
    package: str

    @property
    def url(self) -> str:
        """Its URL."""
        variant = [self.variant] if self.variant else []
        return "/".join([self.base, self.sha, *variant, self.package, "metadata.json"])


def choose(content: bytes, index: Index, supported: Collection[Tag]) -> Wheel | None:
    """Return the newest wheel of the package and variant with one of the `supported` tags.

    Raises:
        BadIndex: it is not such a list, or has paths outside the commit's folder.
    """
    wheels = []
    for entry in _entries(content, index.sha):
        if entry.variant not in {None, "", index.variant}:
            continue  # the directory of a variant must not lead to another one
        if entry.package_name and canonicalize_name(entry.package_name) != index.package:
            continue
        url = _resolved(index, entry.path)
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        try:
            name, version, _, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            raise BadIndex(
                f"the list of wheels of {index.sha[:9]} has a file that is not a wheel: {_shown(filename)}"
            ) from None
        if name == index.package and not tags.isdisjoint(supported):
            wheels.append(Wheel(index.sha, url, filename, version, index.variant))
    return max(wheels, key=lambda wheel: (wheel.version, wheel.filename), default=None)


def _entries(content: bytes, sha: str) -> list[_Entry]:
    try:
        entries = _ENTRIES.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise BadIndex(
            f"the list of wheels of {sha[:9]} is damaged: {_shown(where + first['msg'])}"
        ) from None
    if len(entries) > _MOST_WHEELS:
        raise BadIndex(f"the list of wheels of {sha[:9]} has more than {_MOST_WHEELS} entries")
    return entries


def _resolved(index: Index, path: str) -> str:
    """Resolve a relative, URL-encoded path to a URL.

    Raises:
        BadIndex: it is outside the folder, or ambiguous.
    """
    try:
        url = urljoin(index.url, path)
        plain = not any(urlsplit(path)[:2]) and not urlsplit(url).query and not urlsplit(url).fragment
    except ValueError:
        plain, url = False, ""
    rest = url.removeprefix(f"{index.base}/{index.sha}/")
    if not plain or rest == url or not all(map(_is_name, rest.split("/"))):
        raise BadIndex(f"the list of wheels at {_shown(index.url)} has an invalid path: {_shown(path)}")
    return url


def _is_name(segment: str) -> bool:
    """Whether a part of a URL is a plain name, even if decoded twice."""
    decoded = unquote(unquote(segment))
    return (
        segment.isascii() and decoded.isprintable() and not {*decoded} & {*"/\\"} and decoded.strip(".") != ""
    )


def _shown(text: str) -> str:
    return clean_line(text, _SHOWN)
