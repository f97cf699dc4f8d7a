"""Compare requirement pins in two versions of a file (requirements, lock files, Dockerfiles, ...). Pure."""

from __future__ import annotations

import configparser
import re
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from bisect_tool.parse_untrusted import parse_json, parse_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# A lock file of a large project has some megabytes.
MOST_BYTES = 8_000_000

_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?=[=<>!~@;,(\s]|$)")
_EGG = re.compile(r"#egg=([\w.-]+)")
_SOURCE = re.compile(r"(?:git|hg|svn|bzr)\+\S+|https?://\S+")
_OPTION = re.compile(r"(?:-i|-f|--(?:extra-)?index-url|--find-links)[ =]\s*\S+")
_QUOTED = re.compile(r"""["']([A-Za-z0-9][\w.-]*(?:\[[^\]"']*\])?\s*(?:[=<>!~]=|[<>])[^"'\n]{1,200})["']""")
_YARN = re.compile(r'^"?(@?[^@"\s]+)@[^\n]*:\n  version:? "?([^"\s]+)"?', re.MULTILINE)
# No expression matches across lines, or has two ways to match the same text: files have any length.
_GO = re.compile(r"^[ \t]*+(?:require[ \t]++)?((?=[\w/~-]*+\.)[\w./~-]++)[ \t]++(v\S+)", re.MULTILINE)
_CONDA = re.compile(
    r"^[ \t]*+-[ \t]++[\"']?((?:[\w-]+::)?[A-Za-z0-9][\w.-]*+)[ \t]*+((?:[=<>!~]=?)[^\s\"'#]*)", re.MULTILINE
)
_FROM = re.compile(
    r"^[ \t]*+FROM[ \t]++(?:--\S++[ \t]++)*+([^\s:@]++)([:@]\S+)", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class Pin:
    """A requirement before and after, as written; empty if there is none."""

    package: str
    old: str
    new: str


def names_pins(path: str) -> bool:
    """Whether a file at this path lists requirements."""
    return _reader(path) is not None


def changed_pins(path: str, old: str, new: str) -> tuple[Pin, ...]:
    """Return the requirements that differ between two texts of a file, by name; none for invalid text."""
    reader = _reader(path)
    if reader is None:
        return ()
    before, after = _required(reader, old), _required(reader, new)
    found = []
    for name in sorted({*before, *after}):
        lost, won = before[name] - after[name], after[name] - before[name]
        if lost or won:
            found.append(Pin(name, ", ".join(sorted(lost)), ", ".join(sorted(won))))
    return tuple(found)


def _required(reader: Callable[[str], Iterable[tuple[str, str]]], text: str) -> defaultdict[str, set[str]]:
    """Return the requirements of a text by name; a name can have several, for different platforms."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    try:
        for name, requirement in reader(text):
            found[name].add(" ".join(requirement.split()))
    except (ValueError, TypeError, AttributeError, configparser.Error):  # it pins nothing
        return defaultdict(set)
    return found


def _reader(path: str) -> Callable[[str], Iterable[tuple[str, str]]] | None:
    folder, _, name = path.lower().rpartition("/")
    if name.endswith((".txt", ".in")) and f"/{folder}".endswith("/requirements"):
        return _requirements
    return next((reader for pattern, reader in _READERS if fnmatch(name, pattern)), None)


def _requirements(text: str) -> Iterator[tuple[str, str]]:
    """Requirements files (https://pip.pypa.io/en/stable/reference/requirements-file-format/)."""
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        stripped = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if option := _OPTION.match(stripped):
            yield option[0].partition("=" if "=" in option[0].split()[0] else " ")[0], option[0]
        else:
            yield from _requirement(re.sub(r"\s--hash[ =]\S+", "", stripped.removeprefix("-e ").strip()))


def _requirement(text: str) -> Iterator[tuple[str, str]]:
    """One requirement (PEP 508) with its name, normalised (PEP 503)."""
    if source := _SOURCE.match(text):
        egg = _EGG.search(text)
        yield (egg[1].lower() if egg else _project_url(source[0])), text
    elif (match := _NAME.match(text)) and not text.startswith(("-", ".", "/")):
        yield re.sub(r"[-_.]+", "-", match["name"]).lower(), text


def _project_url(source: str) -> str:
    """The URL without its revision, query and fragment."""
    url = re.split("[#?]", source, maxsplit=1)[0]
    folder, slash, name = url.rpartition("/")
    return f"{folder}{slash}{name.partition('@')[0]}"


def _all(requirements: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for each in requirements:
        if isinstance(each, str):
            yield from _requirement(each)


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    table = parse_toml(text)
    project, tool = table.get("project", {}), table.get("tool", {})
    if python := project.get("requires-python"):
        yield "python", f"python{python}"
    yield from _all(table.get("build-system", {}).get("requires", ()))
    yield from _all(project.get("dependencies", ()))
    groups = (project.get("optional-dependencies", {}), table.get("dependency-groups", {}))
    for requirements in (each for group in groups for each in group.values()):
        yield from _all(requirements)
    poetry = tool.get("poetry", {})
    named = [poetry.get(key, {}) for key in ("dependencies", "dev-dependencies")]
    named += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    for requirements in named:
        for name, wanted in requirements.items():
            yield from _versioned(name, wanted, " ")


def _setup_cfg(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    options = [(section, *item) for section in parser.sections() for item in parser.items(section)]
    for section, key, value in options:
        if section == "options.extras_require" or key in ("install_requires", "setup_requires"):
            yield from _requirements(value)
        elif key == "python_requires":
            yield "python", f"python{value}"


def _setup_py(text: str) -> Iterator[tuple[str, str]]:
    yield from _all(_QUOTED.findall(text))


def _versioned(name: str, wanted: Any, mark: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # TOML or JSON
    """Yield a name with its version, which may be in a table; nothing without a version."""
    version = wanted.get("version", wanted.get("rev", "")) if isinstance(wanted, dict) else wanted
    if isinstance(version, str) and version:
        yield name, f"{name}{mark}{version}"


def _lock(text: str) -> Iterator[tuple[str, str]]:
    """Poetry, uv, pdm, Cargo, and `pylock.toml` (PEP 751)."""
    table = parse_toml(text)
    for package in (*table.get("package", ()), *table.get("packages", ())):
        yield from _versioned(package["name"], package, "==")


def _pipfile_lock(text: str) -> Iterator[tuple[str, str]]:
    table = parse_json(text)
    for group in ("default", "develop"):
        for name, wanted in table.get(group, {}).items():
            yield from _versioned(name, wanted, "")


def _package_json(text: str) -> Iterator[tuple[str, str]]:
    table = parse_json(text)
    for group in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "engines"):
        for name, wanted in table.get(group, {}).items():
            yield from _versioned(name, wanted, "@")


def _package_lock(text: str) -> Iterator[tuple[str, str]]:
    table = parse_json(text)
    for path, wanted in (table.get("packages") or table.get("dependencies", {})).items():
        if path:
            yield from _versioned(path.rpartition("node_modules/")[2], wanted, "@")


def _yarn_lock(text: str) -> Iterator[tuple[str, str]]:
    for name, version in _YARN.findall(text):
        yield name, f"{name}@{version}"


def _go_mod(text: str) -> Iterator[tuple[str, str]]:
    for name, version in _GO.findall(text):
        yield name, f"{name} {version}"


def _conda(text: str) -> Iterator[tuple[str, str]]:
    for name, version in _CONDA.findall(text):
        yield name.lower(), f"{name}{version}"


def _dockerfile(text: str) -> Iterator[tuple[str, str]]:
    for image, tag in _FROM.findall(text):
        yield image, f"{image}{tag}"


def _whole(text: str) -> Iterator[tuple[str, str]]:
    """Read a file that contains only a version."""
    if text.strip():
        yield "python", f"python {text.strip()[:80]}"


_READERS: tuple[tuple[str, Callable[[str], Iterable[tuple[str, str]]]], ...] = (
    ("*requirements*.txt", _requirements),
    ("*requirements*.in", _requirements),
    ("*constraints*.txt", _requirements),
    ("pyproject.toml", _pyproject),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _setup_py),
    ("poetry.lock", _lock),
    ("uv.lock", _lock),
    ("pdm.lock", _lock),
    ("cargo.lock", _lock),
    ("pylock*.toml", _lock),
    ("pipfile.lock", _pipfile_lock),
    ("package.json", _package_json),
    ("package-lock.json", _package_lock),
    ("npm-shrinkwrap.json", _package_lock),
    ("yarn.lock", _yarn_lock),
    ("go.mod", _go_mod),
    ("environment*.y*ml", _conda),
    ("*dockerfile*", _dockerfile),
    (".python-version", _whole),
)
