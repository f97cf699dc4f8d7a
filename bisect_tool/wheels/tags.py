"""The wheel tags that an interpreter on this machine supports: architecture, C library and Python."""

from __future__ import annotations

import sys
from functools import cache

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags


@cache
def supported(python: str) -> frozenset[Tag]:
    """Return the tags for a CPython version such as 3.12; empty for our own interpreter."""
    major, minor = (int(each) for each in python.split(".")[:2]) if python else sys.version_info[:2]
    platforms = list(platform_tags())
    own = cpython_tags((major, minor), platforms=platforms)
    return frozenset((*own, *compatible_tags((major, minor), platforms=platforms)))
