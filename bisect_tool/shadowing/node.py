"""Find out whether a command uses the `node_modules` of a checkout, which is in no commit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.shadowing.command_words import Command

NAME = "node_modules"
_RUNNERS = ("node", "npm", "npx", "yarn", "pnpm", "bun", "bunx")
_INSTALLERS = {
    "package-lock.json": "npm ci",
    "npm-shrinkwrap.json": "npm ci",
    "yarn.lock": "yarn install --frozen-lockfile",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "bun.lock": "bun install --frozen-lockfile",
    "bun.lockb": "bun install --frozen-lockfile",
}


@dataclass(frozen=True)
class NodeModules:
    """The `node_modules` of a checkout that a command uses, or would need.

    `links` maps packages that are links into the checkout, as in a workspace, to the folders that they link
    to, relative to the top. `named`: the command names the folder. `used`: the modules that the tree requires
    are found there. `install`: the command that would create it for a commit.
    """

    folder: Path
    links: Mapping[str, str]
    named: bool
    used: bool
    install: str


def find_node_modules(command: Command, checkout: Path) -> NodeModules | None:
    """Return the `node_modules` of a checkout if a command uses it; None if the command installs its own."""
    folder = checkout / NAME
    install = next(
        (command_line for lock, command_line in _INSTALLERS.items() if (checkout / lock).is_file()),
        "npm install",
    )
    if not folder.is_dir() or _installs(command.words):
        return None
    paths = (*command.words, *_path_variable(command, "NODE_PATH"), *_path_variable(command, "PATH"))
    named = any(_points_into(path, folder) for path in paths)
    runs = any(Path(word).name in _RUNNERS for word in command.words)
    if not named and not runs:
        return None
    links = dict(_links(folder, checkout))
    return NodeModules(folder, links, named, _is_used(command, folder), install)


def _is_used(command: Command, folder: Path) -> bool:
    """Whether a tree's required modules are found in a folder: by `NODE_PATH`, or by a link to it."""
    linked = "ln" in command.words and str(folder) in command.words
    return linked or any(_points_into(path, folder) for path in _path_variable(command, "NODE_PATH"))


def _installs(words: tuple[str, ...]) -> bool:
    """Whether a command installs packages itself."""
    return any(
        first in ("npm", "yarn", "pnpm", "bun") and second in ("ci", "i", "install", "add")
        for first, second in pairwise((*words, ""))
    )


def _path_variable(command: Command, name: str) -> list[str]:
    return command.environ.get(name, "").split(os.pathsep)


def _points_into(path: str, folder: Path) -> bool:
    return path.startswith("/") and NAME in path and Path(os.path.normpath(path)).is_relative_to(folder)


def _links(folder: Path, checkout: Path) -> Iterator[tuple[str, str]]:
    """Yield packages (including `@scope/name`) that are links into the checkout, with their targets."""
    for entry in (*sorted(folder.glob("[!.@]*")), *sorted(folder.glob("@*/*"))):
        if entry.is_symlink():
            real = entry.resolve()
            if real.is_relative_to(checkout) and NAME not in real.relative_to(checkout).parts:
                yield entry.relative_to(folder).as_posix(), real.relative_to(checkout).as_posix()
