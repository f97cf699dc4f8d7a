"""Find what a Python has installed from a checkout: editable installs of every kind, links, and copies.

Their locations are described in https://packaging.python.org/en/latest/specifications/direct-url/ and
https://docs.python.org/3/library/site.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bisect_tool.parse_untrusted import parse_json, parse_toml, value_at
from bisect_tool.supervise.files import read_linked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LITERAL = re.compile(r"""['"](/[^'"\n]+)['"]""")
_IMPORTED = re.compile(r"\bimport\s+(\w+)")
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_SIZE_LIMIT = 1 << 20
_DEPTH = 3


@dataclass(frozen=True)
class Install:
    """Something installed from a checkout; `file` is the file that redirects imports there, or records it.

    `path` is the `sys.path` entry with the same packages, relative to the top of the tree; None if there is
    none (compiled modules, packages under another name), so that a commit must be built. A `copy` was
    installed from the checkout, but does not import from it.
    """

    file: Path
    path: str | None
    copy: bool = False


def find_installs(python: Path, checkout: Path, environ: Mapping[str, str]) -> tuple[Install, ...]:
    """Return what a Python has installed from a checkout, one for each `path`.

    Installs are recorded in several places: files that redirect imports take precedence over metadata.
    """
    sites = tuple(_sites(python, environ))
    for find in (_redirects, _direct_urls, _same_name):
        found = [install for site, prefix in sites for install in find(site, prefix, checkout)]
        if found:
            return tuple({install.path: install for install in reversed(found)}.values())
    return ()


def _sites(python: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """Each `site-packages` folder of a Python, with the prefix of its installation."""
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


def _redirects(site: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """Find what redirects imports to the checkout: `.pth` lines, finders, egg links, symbolic links."""
    for file in sorted(site.glob("*.pth")):
        for line in _text(file).splitlines():
            if line.startswith(("import ", "import\t")):
                for module in _IMPORTED.findall(line):
                    yield from _finder_targets(site / f"{module}.py", prefix, checkout)
            elif line.strip() and not line.startswith("#"):
                yield from _entry(file, site / line.strip(), prefix, checkout)
    for file in sorted(site.glob("*.egg-link")):
        yield from _entry(file, site / (_text(file).splitlines() or [""])[0], prefix, checkout)
    for link in (entry for entry in _entries(site) if entry.is_symlink()):
        if _inside(link, prefix, checkout):
            yield Install(link, _entry_of(link.resolve(), link.name, checkout))


def _direct_urls(site: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """Find what was installed from the checkout's path (PEP 610), editable or not."""
    for file in sorted(site.glob("*.dist-info/direct_url.json")):
        metadata = _json(file)
        scheme, _, path = str(metadata.get("url", "")).partition("://")
        if scheme == "file" and _inside(Path(unquote(path)), prefix, checkout):
            editable = bool(value_at(metadata, "dir_info", "editable"))
            yield Install(file, None if editable else _default_entry(checkout), copy=not editable)


def _same_name(site: Path, _: Path, checkout: Path) -> Iterator[Install]:
    """Find a distribution with the name of the checkout's project, wherever it came from."""
    name = _project_name(checkout)
    for folder in sorted(site.glob("*.dist-info")):
        if name and _normalised_name(folder.name.partition("-")[0]) == name:
            yield Install(folder, _default_entry(checkout), copy=True)


def _inside(path: Path, prefix: Path, checkout: Path) -> bool:
    """Whether a path is in the checkout, but not in an environment inside it."""
    real = path.resolve()
    return real.is_relative_to(checkout) and not real.is_relative_to(prefix.resolve())


def _entry(file: Path, folder: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """Yield an install for a `sys.path` entry, if it is in the checkout."""
    if folder.is_dir() and _inside(folder, prefix, checkout):
        path = folder.resolve().relative_to(checkout).as_posix()
        yield Install(file, path if _is_source(folder) else None)


def _finder_targets(finder: Path, prefix: Path, checkout: Path) -> Iterator[Install]:
    """Find paths in the checkout in a finder module of setuptools, meson and others."""
    text = _text(finder)
    for literal in dict.fromkeys(_LITERAL.findall(text)):
        if _inside(target := Path(literal), prefix, checkout):
            named = re.search(rf"""['"]([\w.]+)['"]:\s*['"]{re.escape(literal)}['"]""", text)
            yield Install(finder, _entry_of(target.resolve(), named[1], checkout) if named else None)


def _entry_of(package: Path, name: str, checkout: Path) -> str | None:
    """The `sys.path` entry from which a package (or module) can be imported under its name."""
    parts = name.split(".")
    stem = package.with_suffix("") if package.is_file() else package
    if stem.parts[-len(parts) :] != tuple(parts) or not _is_source(package):
        return None
    return stem.parents[len(parts) - 1].relative_to(checkout).as_posix()


def _is_source(folder: Path) -> bool:
    """Whether a folder has no compiled modules; these are only in the checkout, not in a commit."""
    patterns = ("/".join(("*",) * depth + ("*.so",)) for depth in range(_DEPTH))
    return not any(next(folder.glob(pattern), None) for pattern in patterns)


def _default_entry(checkout: Path) -> str:
    return "src" if (checkout / "src").is_dir() else "."


def _project_name(checkout: Path) -> str:
    try:
        table = parse_toml(_text(checkout / "pyproject.toml"))
    except ValueError:
        return ""
    names = value_at(table, "project", "name"), value_at(table, "tool", "poetry", "name")
    return _normalised_name(next((name for name in names if isinstance(name, str)), ""))


def _normalised_name(name: str) -> str:
    """A distribution's name, normalised as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _json(file: Path) -> dict[str, dict[str, bool]]:
    try:
        metadata = parse_json(_text(file))
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # Python cannot import from it, either
        return []


def _text(file: Path) -> str:
    try:
        return read_linked(file).decode("utf-8", "replace") if file.stat().st_size <= _SIZE_LIMIT else ""
    except OSError:  # Python cannot read it, either
        return ""
