"""Classify changed files by path alone, by conventions that most repositories share."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache


class FileKind(Enum):
    """The purpose of a file. Only SOURCE, NATIVE and BUILD affect a running program."""

    DOCS = "docs"
    TESTS = "tests"
    CI = "CI"
    TOOLING = "examples or tools"
    NATIVE = "native"
    BUILD = "build"
    SOURCE = "source"


RUNTIME_KINDS = frozenset({FileKind.SOURCE, FileKind.NATIVE, FileKind.BUILD})
"""The kinds that affect a running program."""

_CI = r"""
    ^\. | ^(?:ci|jenkins)/ | ^(?:jenkinsfile|codecov\.ya?ml|azure-pipelines\.ya?ml)$
"""
_TESTS = r"""
    (?:^|/)(?:tests?|testing|__tests__)/
    | (?:^|/)(?:test_[^/]*|conftest\.py|[^/]*[_.](?:test|spec)\.\w+)$
"""
_DOCS = r"""
    ^(?:docs?|documentation)/ | \.(?:md|rst|adoc)$
    | ^(?:license|licence|notice|authors|changelog)[^/]*$ | ^mkdocs\.ya?ml$
"""
_TOOLING = r"""
    (?:^|/)(?:examples?|benchmarks?|samples|demos?)/ | ^(?:tools|scripts|hack|contrib)/
"""
_BUILD = r"""
    ^(?:cmake|docker|requirements)/
    | (?:^|/)(?:requirements[^/]*\.(?:txt|in) | setup\.(?:py|cfg) | pyproject\.toml | manifest\.in
        | cmakelists\.txt | [^/]*\.cmake | makefile | meson\.build | build(?:\.bazel)?
        | (?:[^/]*\.)?dockerfile[^/]* | environment\.ya?ml | cargo\.(?:toml|lock) | (?:uv|poetry)\.lock
        | go\.(?:mod|sum) | package(?:-lock)?\.json)$
"""
_NATIVE = r"""
    \.(?:c|cc|cpp|cxx|cu|cuh|h|hh|hpp|hip|inl|inc|s|rs|go|pyx|pxd)$
"""

# The first rule that matches decides; paths are in lower case.
_RULES = tuple(
    (kind, re.compile(pattern, re.VERBOSE))
    for kind, pattern in (
        (FileKind.CI, _CI),
        (FileKind.TESTS, _TESTS),
        (FileKind.DOCS, _DOCS),
        (FileKind.TOOLING, _TOOLING),
        (FileKind.BUILD, _BUILD),
        (FileKind.NATIVE, _NATIVE),
    )
)


@lru_cache(maxsize=1 << 16)
def kind_of(path: str) -> FileKind:
    """The kind of a path in a repository; SOURCE if no convention matches."""
    lower = path.lower()
    return next((kind for kind, rule in _RULES if rule.search(lower)), FileKind.SOURCE)
