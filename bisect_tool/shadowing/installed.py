"""Find what a Python has installed from a checkout: editable installs of every kind, links, copies.

https://packaging.python.org/en/latest/specifications/direct-url/ and
https://docs.python.org/3/library/site.html describe where these are.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LITERAL = re.compile(r"""['"](/[^'"\n]+)['"]""")
_IMPORTED = re.compile(r"\bimport\s+(\w+)")
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_LARGEST = 1 << 20
_DEPTH = 3


@dataclass(frozen=True)
class Install:
    """Something that leads imports into a checkout: the file that does, and what would replace it.

    `path` is the entry of `sys.path` that has the same packages, from the top of the tree; None where none
    does (compiled modules, packages under another name): the commit has to be built. A `copy` does not lead
    into the checkout, but was installed from it.
    """

    file: Path
    path: str | None
    copy: bool = False


def installs(python: Path, checkout: Path, environ: Mapping[str, str]) -> tuple[Install, ...]:
    """Return what a Python has installed from a checkout, each entry of its path once.

    It is recorded in several places: files that redirect imports take precedence over metadata.
    """
    sites = tuple(_sites(python, environ))
    for look in (_leading, _recorded, _copied):
        found = [install for site, prefix in sites for install in look(site, prefix, checkout)]
        if found:
            return tuple({install.path: install for install in reversed(found)}.values())
    return ()


def _sites(python: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """Each `site-packages` of a Python, and the folder of the whole installation."""
    prefix = python.parent.parent
    marker = prefix / "pyvenv.cfg"
    if marker.is_file():
        yield from ((site, prefix) for site in sorted(prefix.glob("lib*/p*/site-packages")))
        settings = dict(_settings(marker))
        if settings.get("include-system-site-packages", "").lower() == "true":
            yield from _base_sites(Path(settings.get("home", ""), python.name), environ)
    else:
        yield from _base_sites(python, environ)


def _base_sites(python: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    real = python.resolve()
    prefix = real.parent.parent
    version = _VERSION.search(real.name)
    name = f"python{version[0]}" if version else "p*[0-9].[0-9]*"
    user = environ.get("PYTHONUSERBASE") or f"{environ.get('HOME', '')}/.local"
    for base in (prefix, prefix / "local", Path(user)):
        for folder in ("site-packages", "dist-packages"):
            yield from ((site, prefix) for site in sorted(base.glob(f"lib/{name}/{folder}")))
    yield from ((site, prefix) for site in prefix.glob("lib/python3/dist-packages"))


def _settings(file: Path) -> Iterator[tuple[str, str]]:
    for line in _text(file).splitlines():
        name, _, value = line.partition("=")
        yield name.strip(), value.strip()


def _leading(site: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """What leads imports into the checkout: lines of `.pth` files, finders, egg links, symbolic links."""
    for file in sorted(site.glob("*.pth")):
        for line in _text(file).splitlines():
            if line.startswith(("import ", "import\t")):
                for module in _IMPORTED.findall(line):
                    yield from _mapped(site / f"{module}.py", prefix, checkout)
            elif line.strip() and not line.startswith("#"):
                yield from _entry(file, site / line.strip(), prefix, checkout)
    for file in sorted(site.glob("*.egg-link")):
        yield from _entry(file, site / (_text(file).splitlines() or [""])[0], prefix, checkout)
    for link in (entry for entry in _entries(site) if entry.is_symlink()):
        if _inside(link, prefix, checkout):
            yield Install(link, _entry_of(link.resolve(), link.name, checkout))


def _recorded(site: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """What was installed from the checkout by a path (PEP 610), editable or not."""
    for file in sorted(site.glob("*.dist-info/direct_url.json")):
        about = _json(file)
        where = urlsplit(str(about.get("url", "")))
        if where.scheme == "file" and _inside(Path(unquote(where.path)), prefix, checkout):
            editable = bool((about.get("dir_info") or {}).get("editable"))
            yield Install(file, None if editable else _usual(checkout), copy=not editable)


def _copied(site: Path, _: Path, checkout: Path) -> Iterator[Install]:
    """What has the name of the checkout's project, wherever it came from."""
    name = _project_name(checkout)
    for folder in sorted(site.glob("*.dist-info")):
        if name and _normal(folder.name.partition("-")[0]) == name:
            yield Install(folder, _usual(checkout), copy=True)


def _inside(path: Path, prefix: Path, checkout: Path) -> bool:
    """Whether a path is in the checkout; an environment in it is not part of it."""
    real = path.resolve()
    return real.is_relative_to(checkout) and not real.is_relative_to(prefix.resolve())


def _entry(file: Path, folder: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """An entry of `sys.path` that is in the checkout."""
    if folder.is_dir() and _inside(folder, prefix, checkout):
        path = folder.resolve().relative_to(checkout).as_posix()
        yield Install(file, path if _is_source(folder) else None)


def _mapped(finder: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """What a module that a `.pth` file imports maps into the checkout, as setuptools, meson and others do."""
    text = _text(finder)
    for literal in dict.fromkeys(_LITERAL.findall(text)):
        if _inside(target := Path(literal), prefix, checkout):
            named = re.search(rf"""['"]([\w.]+)['"]:\s*['"]{re.escape(literal)}['"]""", text)
            yield Install(finder, _entry_of(target.resolve(), named[1], checkout) if named else None)


def _entry_of(package: Path, name: str, checkout: Path) -> str | None:
    """The entry of `sys.path` at which a package (or module) is found under its name."""
    parts = name.split(".")
    stem = package.with_suffix("") if package.is_file() else package
    if stem.parts[-len(parts) :] != tuple(parts) or not _is_source(package):
        return None
    return stem.parents[len(parts) - 1].relative_to(checkout).as_posix()


def _is_source(folder: Path) -> bool:
    """Whether nothing in a folder is compiled: that is built into the checkout, and no commit has it."""
    patterns = ("/".join(("*",) * depth + ("*.so",)) for depth in range(_DEPTH))
    return not any(next(folder.glob(pattern), None) for pattern in patterns)


def _usual(checkout: Path) -> str:
    return "src" if (checkout / "src").is_dir() else "."


def _project_name(checkout: Path) -> str:
    try:
        table = tomllib.loads(_text(checkout / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return ""
    poetry = table.get("tool", {}).get("poetry", {})
    return _normal(str(table.get("project", {}).get("name") or poetry.get("name") or ""))


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _json(file: Path) -> dict[str, dict[str, bool]]:
    try:
        about = json.loads(_text(file))
    except json.JSONDecodeError:
        return {}
    return about if isinstance(about, dict) else {}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # Python imports nothing from it, either
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace") if file.stat().st_size <= _LARGEST else ""
    except OSError:  # Python reads nothing from it, either
        return ""
