"""Look up the account of the token, the author of our issues and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.ci_results.answer import Answer, read
from bisect_tool.delivery.github_api import Rejected

if TYPE_CHECKING:
    from bisect_tool.delivery.github_api import GithubApi

ACTIONS = "github-actions[bot]"
"""The account of a workflow's token."""
_BOT = "[bot]"
_FORBIDDEN, _NOT_FOUND = 403, 404


class _Account(Answer):
    login: str


class _Viewer(Answer):
    viewer: _Account


class _Query(Answer):
    data: _Viewer | None = None


def own_account(api: GithubApi) -> str:
    """Return the login of the token's account.

    GitHub forbids `/user` to the token of an app or a workflow. The viewer of GraphQL is then the app's bot;
    if GraphQL is forbidden as well, the token counts as a workflow's.
    """
    try:
        return read(_Account, api.get("/user"), "GitHub").login
    except Rejected as error:
        if error.status not in (_FORBIDDEN, _NOT_FOUND):
            raise
    try:
        found = read(_Query, api.query("{ viewer { login } }"), "GitHub").data
    except Rejected as error:
        if error.status not in (_FORBIDDEN, _NOT_FOUND):
            raise
        found = None
    return f"{found.viewer.login.removesuffix(_BOT)}{_BOT}" if found else ACTIONS
