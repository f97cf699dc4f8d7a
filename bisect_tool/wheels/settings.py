"""The `commit_wheels` table of a build: the server of the wheels, and the permitted variants."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line

_Name = Annotated[str, Field(min_length=1)]
_Variant = Annotated[str, Field(pattern=r"^[A-Za-z0-9]*$")]


class ChosenWheels(BaseModel):
    """The server, the variant and the version of torch (empty: any) for a whole range."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    variant: str
    torch: str = ""


class CommitWheels(BaseModel):
    """The location of wheels, `URL/SHA/[VARIANT/]PACKAGE/metadata.json`, and how a build uses them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    url: str = Field(description="base URL of the wheels, without account")
    package: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="normalised name of the distribution"
    )
    variants: tuple[_Variant, ...] = Field(
        ("",),
        min_length=1,
        description="variants that may be used, the preferred one first; empty: the default",
    )
    torch_file: str = Field("", description="file of each commit that pins torch: only one version is tested")
    torch: str = Field("", description="the version of torch; empty: that of the bad commit")
    env: dict[_Name, str] = Field(
        default_factory=dict, description="variables of a build with a wheel; `{wheel}` is its path"
    )
    cache_gib: float = Field(
        10, gt=0, description="maximum size of the wheel cache; wheels in use are always kept"
    )

    def narrowed(self, chosen: ChosenWheels) -> CommitWheels:
        """Return these settings with the variant and torch version chosen for a range."""
        update = {"url": chosen.url, "variants": (chosen.variant,), "torch": chosen.torch}
        return self.model_copy(update=update)

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        try:
            return base_url(url)
        except UsageError as error:
            raise ValueError(error.message) from None


def base_url(url: str) -> str:
    """Return the base URL of wheels without a trailing slash.

    Raises:
        UsageError: it is not a URL of a server, or contains a password, which sessions would store.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment:
        raise UsageError(
            f"{clean_line(url, 200)} is not a base URL of wheels",
            'Use one such as "https://wheels.example.org".',
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"the URL of wheels at {parts.hostname} contains a user name", "Put it into ~/.netrc instead."
        )
    return url.rstrip("/")
