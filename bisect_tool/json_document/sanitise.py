"""Sanitise every string in a document: remove control characters, and mask secrets."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from bisect_tool.sanitise import clean, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

_Document = TypeVar("_Document", bound=BaseModel)

# Fields whose values are constants of this tool or times: a secret with the same value must not mask them.
_OUR_WORDS = frozenset(
    {
        "command",
        "fingerprint",
        "state",
        "session",
        "created",
        "finding",
        "kind",
        "severity",
        "purpose",
        "outcome",
        "started",
    }
)


# Mappings from cell names to such constants.
_BY_CELL = frozenset({"outcomes"})


def sanitise(document: _Document, secrets: frozenset[str]) -> _Document:
    """Return the document with every text sanitised and secrets masked."""
    cleaned: _Document = _sanitised(document, secrets)
    return cleaned


def _sanitised(value: Any, secrets: frozenset[str]) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields if name not in _OUR_WORDS}
        return value.model_copy(
            update={
                name: _keys_sanitised(field, secrets) if name in _BY_CELL else _sanitised(field, secrets)
                for name, field in fields.items()
            }
        )
    if isinstance(value, Enum):  # a constant of this tool
        return value
    if isinstance(value, str):
        return redact(clean(value), secrets)
    if isinstance(value, dict):
        return {_sanitised(key, secrets): _sanitised(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_sanitised(item, secrets) for item in value)
    return value


def _keys_sanitised(words: Mapping[str, str], secrets: frozenset[str]) -> dict[str, str]:
    return {_sanitised(key, secrets): word for key, word in words.items()}
