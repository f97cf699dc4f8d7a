"""Validate the JSON of a service with models: unknown fields are ignored, invalid ones named in the error."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.sanitise import clean_line

_NAME_LIMIT = 500


class UnexpectedAnswer(EnvironmentFailed):
    """The answer of a service does not match its documentation."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "Try again later. If it happens again, please report it.")


class Answer(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _text(value: object) -> object:
    return "" if value is None else clean_line(value, _NAME_LIMIT) if isinstance(value, str) else value


def _time(value: object) -> object:
    """Return a time with its zone; None for an invalid time, which some services send."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


Text = Annotated[str, BeforeValidator(_text)]
"""Text of a service, sanitised; empty for null."""
Time = Annotated[datetime | None, BeforeValidator(_time)]
Flag = Annotated[bool, BeforeValidator(bool)]
"""False for null."""

_Model = TypeVar("_Model", bound=Answer)


def read(model: type[_Model], value: object, service: str) -> _Model:
    """Read an answer.

    Raises:
        UnexpectedAnswer: a required field is missing or has the wrong type; the message names it.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the response"
        # The message of pydantic for what is no object names a class of ours.
        reason = (
            "Input should be an object" if first["type"] == "model_type" else clean_line(first["msg"], 200)
        )
        raise UnexpectedAnswer(
            f"{service} sent a {_readable_name(model)} that is not as documented: {place}: {reason}"
        ) from None


def _readable_name(model: type[Answer]) -> str:
    """Return the name of a model in words: `search result`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__.strip("_")).lower()
