"""Provider `overlay`: each commit's Python tree with the compiled files of a released wheel.

The wheel itself is not installed, so that `import` finds the commit's package only. Its dependencies are
installed, and so is a metadata folder, by which `importlib.metadata` and plugins find the distribution.
"""

from __future__ import annotations

import email.parser
import re
import shutil
from configparser import ConfigParser
from typing import TYPE_CHECKING

from bisect_tool.build.environment import BuildFailed
from bisect_tool.build.installer import Installer
from bisect_tool.build.package_versions import METADATA_ONLY_INSTALLER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bisect_tool.build.build import Build
    from bisect_tool.build.profile import BuildProfile

OVERLAY = "overlay"
_UNPACKED = "wheel"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Spawned processes import the main module again: without the guard they would start a second server.
_SCRIPT = """#!{python}
import sys
from {module} import {function}

if __name__ == "__main__":
    sys.exit({function}())
"""


def build(job: Build) -> None:
    """Make a virtual environment with the wheel's dependencies, and a folder with its compiled files."""
    installer = Installer.find(job)
    installer.create()
    unpacked = job.folder / _UNPACKED
    installer.install([job.profile.wheel], "--no-deps", "--target", str(unpacked))
    metadata = _metadata_folder(unpacked, job)
    installer.install([*dependencies(_headers(metadata), job.profile), *job.profile.requirements])
    installer.remove(job.profile.remove)
    _move_overlay_files(unpacked, job)
    (packages,) = (job.folder / "venv" / "lib").glob("python*/site-packages")
    _write_metadata(metadata, packages, job)
    _compile_bytecode(packages, job)
    shutil.rmtree(unpacked)


def dependencies(headers: Mapping[str, list[str]], profile: BuildProfile) -> list[str]:
    """Return the wheel's requirements, except those of its extras and those that the profile excludes."""
    excluded = {normal(name) for name in profile.exclude}
    wanted = [text for text in headers.get("requires-dist", []) if not re.search(r";.*\bextra\s*==", text)]
    return [text for text in wanted if normal(_distribution_name(text)) not in excluded]


def normal(name: str) -> str:
    """A distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution_name(requirement: str) -> str:
    match = _NAME.match(requirement.strip())
    return match[0] if match else requirement


def _metadata_folder(unpacked: Path, job: Build) -> Path:
    found = list(unpacked.glob("*.dist-info"))
    if len(found) != 1:
        raise BuildFailed(f"{job.profile.wheel} does not match exactly one wheel with metadata", job.log)
    return found[0]


def _headers(metadata: Path) -> dict[str, list[str]]:
    message = email.parser.BytesParser().parsebytes((metadata / "METADATA").read_bytes(), headersonly=True)
    headers: dict[str, list[str]] = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(str(value))
    return headers


def _move_overlay_files(unpacked: Path, job: Build) -> None:
    """Move the files of the overlay into their own folder, at the same relative paths."""
    for pattern in job.profile.files:
        found = [path for path in unpacked.glob(pattern) if path.is_file()]
        if not found:
            raise BuildFailed(f"{job.profile.wheel} has no file {pattern}", job.log)
        for path in found:
            target = job.folder / OVERLAY / path.relative_to(unpacked)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _write_metadata(metadata: Path, packages: Path, job: Build) -> None:
    """Write the distribution's metadata, and its console scripts into the interpreter's folder."""
    headers = _headers(metadata)
    name, _, version = job.profile.distribution.partition("==")
    name, version = name or headers["name"][0], version or headers["version"][0]
    folder = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "INSTALLER").write_text(f"{METADATA_ONLY_INSTALLER}\n")
    (folder / "RECORD").write_text("")
    scripts = _console_scripts(metadata)
    for script, target in scripts.items():
        module, _, function = target.partition(":")
        path = job.python.with_name(script)
        path.write_text(_SCRIPT.format(python=job.python, module=module, function=function))
        path.chmod(0o755)
    listing = "".join(f"{script} = {target}\n" for script, target in scripts.items())
    (folder / "entry_points.txt").write_text(f"[console_scripts]\n{listing}")


def _console_scripts(metadata: Path) -> dict[str, str]:
    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(metadata / "entry_points.txt", encoding="utf-8")
    if not parser.has_section("console_scripts"):
        return {}
    entries = {name: target.split("[")[0].strip() for name, target in parser["console_scripts"].items()}
    return {name: target for name, target in entries.items() if re.fullmatch(r"[\w.-]+", name)}


def _compile_bytecode(packages: Path, job: Build) -> None:
    """Compile the installed packages to bytecode, once for all trials."""
    try:
        job.run([str(job.python), "-m", "compileall", "-q", "-j", "0", str(packages)], {}, job.folder)
    except BuildFailed:  # packages ship files that no Python can compile
        job.note("(some files do not compile; that is normal)")
