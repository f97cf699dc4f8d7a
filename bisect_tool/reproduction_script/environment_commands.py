"""Write a profile's environment as bash: packages to install, steps to build, files to overlay."""

from __future__ import annotations

import shlex
from string import Formatter
from typing import TYPE_CHECKING

from bisect_tool.build import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.build import BuildProfile
    from bisect_tool.build.commit_wheel import UsedWheel


def environment_commands(
    build: BuildProfile, pinned: Sequence[str] = (), wheel: UsedWheel | None = None
) -> Iterator[str]:
    """Return the lines that create the environment.

    `pinned` are the exact versions used, if known, and `wheel` is the published one that was used, if any.
    They read the variables `python`, `tree`, `out` and `environment`, and set `python` anew.
    """
    if build.needs_venv:
        yield '[ -e "$environment/venv" ] || "$python" -m venv "$environment/venv"'
        yield "python=$environment/venv/bin/python"
        yield 'export VIRTUAL_ENV="$environment/venv" PATH="$environment/venv/bin:$PATH"'
        yield from _installed(pinned or build.requirements, "--no-deps" if pinned else "")
    for name, template in build.env.items():
        yield f"export {name}={word(template)}"
    if build.provider is Provider.OVERLAY:
        yield from _overlay(build)
    if build.provider is Provider.SOURCE:
        yield from _source(build, wheel)
    for command in build.command:
        yield f'(cd "$tree" && {" ".join(map(word, command))})'


def word(template: str) -> str:
    """Convert a template to one word of bash: `{tree}/build.py` becomes `"$tree"/build.py`."""
    parts = (
        (shlex.quote(text) if text else "") + (f'"${name}"' if name else "")
        for text, name, _, _ in Formatter().parse(template)
    )
    return "".join(parts) or "''"


def _installed(requirements: Sequence[str], options: str) -> Iterator[str]:
    if requirements:
        words = " \\\n  ".join(map(shlex.quote, requirements))
        yield "# A local version, such as +cpu, may need an index of its own: PIP_EXTRA_INDEX_URL."
        yield f'"$python" -m pip install --quiet --only-binary :all: {options} \\\n  {words}'


def _overlay(build: BuildProfile) -> Iterator[str]:
    """Copy the compiled files of a wheel over the worktree; the wheel itself is not installed."""
    target = '--no-deps --target "$out/wheel"'
    install = f'"$python" -m pip install --quiet --only-binary :all: {target} {shlex.quote(build.wheel)}'
    yield f'[ -e "$out/wheel" ] || {install}'
    yield f'(cd "$out/wheel" && cp -f --parents {" ".join(build.files)} "$tree")'
    yield f'"$python" - "$out/wheel" {shlex.quote(build.distribution)} <<\'PY\'\n{_INTRODUCE}PY'


def _source(build: BuildProfile, wheel: UsedWheel | None) -> Iterator[str]:
    """Build and install the worktree, then copy files that only the build created over it."""
    variables = ""
    if wheel is not None and build.commit_wheels is not None:
        yield f"# Compiled files come from the wheel that is published for {wheel.commit[:12]}."
        yield f"wheel=$out/{shlex.quote(wheel.filename)}"
        fetch = (
            f'timeout {_FETCH_S} "$python" -c {shlex.quote(_FETCH)} {shlex.quote(wheel.url)} "$wheel.part"'
        )
        yield f'[ -e "$wheel" ] || {{ {fetch} && mv "$wheel.part" "$wheel"; }}'
        yield f'echo "{wheel.sha256}  $wheel" | sha256sum --check --quiet'
        used = (f"{name}={word(value)} " for name, value in build.commit_wheels.env.items())
        variables = "".join(used)
    yield f'{variables}"$python" -m pip install --quiet "$tree"'
    yield 'site=$("$python" -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')'
    for folder in map(shlex.quote, build.tree):
        yield f'[ ! -e "$site"/{folder} ] || cp -rn "$site"/{folder} "$tree"/'


_FETCH_S = 3600
_FETCH = "import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])"

_INTRODUCE = """\
# The commit's package is found as a distribution: its metadata, and its console scripts.
import configparser, pathlib, sys, sysconfig

wheel = pathlib.Path(sys.argv[1])
name, _, version = sys.argv[2].partition("==")
(metadata,) = wheel.glob("*.dist-info")
folder = pathlib.Path(sysconfig.get_path("purelib"), f"{name.replace('-', '_')}-{version}.dist-info")
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
(folder / "RECORD").write_text("")
parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
parser.optionxform = str
parser.read(metadata / "entry_points.txt")
for script, target in parser["console_scripts"].items() if parser.has_section("console_scripts") else ():
    module, _, function = target.split("[")[0].strip().partition(":")
    lines = ["#!" + sys.executable, "import sys", f"from {module} import {function}"]
    lines += ['if __name__ == "__main__":', f"    sys.exit({function}())", ""]
    path = pathlib.Path(sys.executable).with_name(script)
    path.write_text("\\n".join(lines))
    path.chmod(0o755)
"""
