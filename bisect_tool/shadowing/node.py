"""Decide whether a command uses the `node_modules` of a checkout, which belong to no commit."""

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
class Modules:
    """The `node_modules` of a checkout that a command uses, or would need.

    `links` are packages in it that lead into the checkout itself, as those of a workspace do, each with the
    folder it leads to, from the top. `named`: the command names the folder. `used`: what the tree requires is
    found there. `install`: the command that would create it for a commit.
    """

    folder: Path
    links: Mapping[str, str]
    named: bool
    used: bool
    install: str


def modules(command: Command, checkout: Path) -> Modules | None:
    """Return the `node_modules` of a checkout if a command uses it; None if the command installs its own."""
    folder = checkout / NAME
    install = next((how for lock, how in _INSTALLERS.items() if (checkout / lock).is_file()), "npm install")
    if not folder.is_dir() or _installs(command.words):
        return None
    places = (*command.words, *_listed(command, "NODE_PATH"), *_listed(command, "PATH"))
    named = any(_leads_to(place, folder) for place in places)
    runs = any(Path(word).name in _RUNNERS for word in command.words)
    if not named and not runs:
        return None
    links = dict(_links(folder, checkout))
    return Modules(folder, links, named, _is_used(command, folder), install)


def _is_used(command: Command, folder: Path) -> bool:
    """Whether the modules that a tree requires are found in a folder: on `NODE_PATH`, or behind a link."""
    linked = "ln" in command.words and str(folder) in command.words
    return linked or any(_leads_to(place, folder) for place in _listed(command, "NODE_PATH"))


def _installs(words: tuple[str, ...]) -> bool:
    """Whether a command installs packages itself."""
    return any(
        first in ("npm", "yarn", "pnpm", "bun") and second in ("ci", "i", "install", "add")
        for first, second in pairwise((*words, ""))
    )


def _listed(command: Command, name: str) -> list[str]:
    return command.environ.get(name, "").split(os.pathsep)


def _leads_to(place: str, folder: Path) -> bool:
    return place.startswith("/") and NAME in place and Path(os.path.normpath(place)).is_relative_to(folder)


def _links(folder: Path, checkout: Path) -> Iterator[tuple[str, str]]:
    """The packages, `@scope/name` among them, whose link leads into the checkout, and where it leads."""
    for entry in (*sorted(folder.glob("[!.@]*")), *sorted(folder.glob("@*/*"))):
        if entry.is_symlink():
            real = entry.resolve()
            if real.is_relative_to(checkout) and NAME not in real.relative_to(checkout).parts:
                yield entry.relative_to(folder).as_posix(), real.relative_to(checkout).as_posix()
