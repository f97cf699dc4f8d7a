"""Change the repository path of a stored session (`resume --repo`), after a checkout was moved."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bisect_tool.errors import UsageError
from bisect_tool.git import Repository
from bisect_tool.mode import Bisect, Fixes
from bisect_tool.parse_untrusted import parse_json, value_at
from bisect_tool.request import Request
from bisect_tool.sanitise import clean_line, redact, secret_values
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow, Store


def relocate(session: str, repo: str, store: Store, home: Home) -> None:
    """Set `repo` as the repository of a session and of those that confirm it, also in their documents.

    Raises:
        UsageError: it is not a repository, or it lacks a commit of the session.
    """
    row = store.session(session)
    repository = Repository.open(repo, home.cache)
    for each in _related(row, store):
        request = Request.model_validate_json(each.request)
        _check_commits(each.id, request, repository)
        store.replace_request(each.id, _moved(request, repository.location).model_dump_json())
        if each.document is not None:
            store.finish(each.id, _moved_document(each.document, repository.location))


def _related(row: SessionRow, store: Store) -> list[SessionRow]:
    """Return the session, those that it continues, and all that continue them."""
    while (before := _before(row)) is not None:
        row = store.session(before)
    return _with_following(row, store)


def _before(row: SessionRow) -> str | None:
    """Return the session that this one continues, by confirming its culprits or bisecting from its end."""
    mode = Request.model_validate_json(row.request).mode
    if isinstance(mode, Fixes):
        return mode.confirms
    return mode.walk if isinstance(mode, Bisect) else None


def _with_following(row: SessionRow, store: Store) -> list[SessionRow]:
    return [row, *(each for other in store.confirming(row.id) for each in _with_following(other, store))]


def _check_commits(session: str, request: Request, repository: Repository) -> None:
    for sha in request.ends:
        try:
            repository.commit(sha)
        except UsageError:
            raise UsageError(
                f"{clean_line(repository.spec)} is not the repository of session {session}: "
                f"it does not have {sha[:12]}",
                f"It was {clean_line(request.repo)}. Use its new location, or fetch the commit.",
            ) from None


def _moved(request: Request, where: str) -> Request:
    """Return the request with the new path, also in the check's command if the old path no longer exists."""
    fields = request.model_dump()
    fields["check"] = _each_text(fields["check"], lambda _, text: _moved_word(text, request.repo, where))
    return Request.model_validate({**_with_moved_lines(fields, request.repo, where), "repo": where})


def _moved_document(document: str, where: str) -> str:
    """Return the JSON text of a document with the new path, made safe like the rest of its texts."""
    try:
        fields = parse_json(document)
    except ValueError:
        return document  # whoever reads it says what is wrong
    old = value_at(fields, "repo")
    if not isinstance(old, str):
        return document
    new = redact(clean_line(where), secret_values(with_write_tokens(os.environ)))
    return json.dumps({**_with_moved_lines(fields, old, new), "repo": new}, indent=2)


def _with_moved_lines(fields: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a dumped model with the new path of the repository in its `rerun` command lines."""

    def moved(key: str, text: str) -> str:
        return _moved_line(text, old, new) if key.startswith("rerun") else text

    return {key: _each_text(value, moved, key) for key, value in fields.items()}


def _moved_line(text: str, old: str, new: str) -> str:
    return shlex.join(new if part == old else _moved_word(part, old, new) for part in shlex.split(text))


def _moved_word(text: str, old: str, new: str) -> str:
    return text if Path(old).exists() else text.replace(f"{old}/", f"{new}/")


def _each_text(value: Any, change: Callable[[str, str], str], key: str = "") -> Any:  # noqa: ANN401
    """Return a dumped model of any shape with each text changed, given the key below which it stands."""
    if isinstance(value, str):
        return change(key, value)
    if isinstance(value, dict):
        return {name: _each_text(inner, change, name) for name, inner in value.items()}
    return (
        type(value)(_each_text(inner, change, key) for inner in value)
        if isinstance(value, list | tuple)
        else value
    )
