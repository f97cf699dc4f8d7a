"""Write the bash script of `repro --script`, which reproduces a failure on a machine without bisect-run.

It clones the repository, checks the commit out, installs the profile's packages in the recorded versions,
runs the same cells as often, and counts failures. The modules that the suite's fixtures need are embedded.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shlex
import tarfile
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build.packages import pinned
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.export.imports import imported
from bisect_tool.export.recipe import recipe, word
from bisect_tool.format import short
from bisect_tool.git.clone import is_url, without_account
from bisect_tool.git.worktree import patterns
from bisect_tool.mode import Repro
from bisect_tool.request import CommandCheck, ProjectCheck, PytestCheck, SuiteCheck
from bisect_tool.sanitise import clean, clean_line, redact, secret_values
from bisect_tool.supervise.ports import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.results.document import Document
    from bisect_tool.scenario import Profile, Scenario
    from bisect_tool.session.session import Session
    from bisect_tool.trial.config import TrialConfig

_PACKAGE = Path(__file__).parent.parent
_MODULES = ("__init__.py", "errors.py", "sanitise.py", "verdict.py", "evidence", "supervise", "suite")
"""The parts of this package behind a suite's fixtures; they need `_HARNESS` themselves."""
_HARNESS = ("pytest", "requests", "pydantic")
_TINY_MODEL = "tiny_model.py"
_STEERING = (
    *("CUDA_", "HF_", "NCCL_", "OMP_", "PYTORCH_", "TOKENIZERS_", "TORCH_", "TRANSFORMERS_"),
    *sorted(f"{package.upper()}_" for package in PATTERNS.packages),
)
"""Variables of the caller that have a say in how an engine runs."""
_BLOB = "@MODULES@"
_FILE_LIMIT = 256 * 1024
_PLACES = ("python", "environment", "out", "tree", "scenario", "assets", "temporary")


def script(session: Session, document: Document) -> str:
    """The script for a session of `repro`, free of the secrets in this process's environment."""
    shared = session.config
    packages = needed(session)
    lines = [*_head(session, document, packages), *_checkout(session, shared)]
    lines += _looked_for(packages)
    if shared.profile is not None:
        lines += _environment(session, document, shared.profile)
    lines += _prepared(shared)
    lines += _counted(document, shared)
    text = redact(clean("\n".join(lines)), secret_values(os.environ))
    return f"{text.replace(_BLOB, _modules()) if _BLOB in text else text}\n"


def needed(session: Session) -> tuple[str, ...]:
    """What the interpreter that PYTHON names has to have: none where the profile makes an environment."""
    shared = session.config
    if shared.profile is None or shared.profile.build.needs_venv:
        return ()
    if isinstance(shared.check, ProjectCheck):
        return ("pytest",)
    own = ("pytest",) if isinstance(shared.check, PytestCheck) else ()
    return own + imported(session.repository.git, session.request.bad, shared.profile)


def _head(session: Session, document: Document, packages: Sequence[str]) -> Iterator[str]:
    request, asked = session.request, session.request.mode
    assert isinstance(asked, Repro)
    subject = clean_line(session.repository.commit(request.bad).subject, 100)
    yield "#!/usr/bin/env bash"
    yield f"# Runs commit {short(request.bad)} ({subject}) again and again, and counts the failures."
    yield f"# Seen: {clean_line(document.conclusion)}."
    yield f"# With: {', '.join(f'{name} {value}' for name, value in document.versions.items())}."
    if asked.stress:
        yield f"# That was under --stress {asked.stress}, which this script does not make."
    if asked.against:
        yield f"# It was run in turn with {short(asked.against)}, which this script does not run."
    where = origin(session)
    usage = "[REPOSITORY]" if where else "REPOSITORY"
    yield f"# Usage: bash FILE {usage}. Needs bash, git, coreutils and Python 3.11 or newer with venv."
    yield "# RUNS says how often, WORK is the folder for everything, PYTHON the interpreter to begin with."
    if packages:
        yield f"# PYTHON=... has to name one that has {', '.join(packages)}; else it ends with 2."
    yield "# Ends with 1 if a run failed, with 0 if none did, with 3 without a result; 2: nothing was run."
    yield "set -euo pipefail"
    # Or what fails before the first run would end with a code that says that a run failed.
    yield "trap 'echo \"nothing was run: the command above failed\" >&2; exit 2' ERR"
    yield f"repository={shlex.quote(where)}"
    yield "repository=${1:-$repository}"
    if not where:
        yield 'if [ -z "$repository" ]; then'
        named = f"name a repository that has {short(request.bad)}"
        yield f'  echo "nothing was run: {named}: bash $0 REPOSITORY" >&2'
        yield "  exit 2"
        yield "fi"
    yield f"runs=${{RUNS:-{asked.runs}}}"
    yield "work=${WORK:-$(mktemp -d /tmp/repro-XXXXXX)}"
    yield "tree=$work/tree environment=$work/environment assets=$work/assets scenario=$work/scenario"
    yield "python=${PYTHON:-python3} out=$environment temporary=$work/temporary"
    yield 'mkdir -p "$environment" "$assets" "$scenario" "$temporary"'
    yield "unset PYTHONPATH PYTHONHOME PYTEST_ADDOPTS PYTEST_PLUGINS VIRTUAL_ENV"
    for name, value in _steering().items():
        yield f"export {name}={shlex.quote(value)}"


def origin(session: Session) -> str:
    """The URL where another person finds the commit; empty of a checkout that has no origin."""
    source = session.repository.source
    if source is None:
        return without_account(session.request.repo) if is_url(session.request.repo) else ""
    git, asked = session.repository.git, ("config", "--file", str(source / "config"), "remote.origin.url")
    url = git.lines(*asked)[0] if git.succeeds(*asked) else ""
    return without_account(url) if is_url(url) else ""


def _steering() -> Mapping[str, str]:
    """What is not secret; a path of this machine steers nothing elsewhere."""
    secret = secret_values(os.environ)
    mine = {name: value for name, value in sorted(os.environ.items()) if name.startswith(_STEERING)}
    return {
        name: value
        for name, value in mine.items()
        if value.strip() not in secret and not value.startswith(("/", "~"))
    }


def _checkout(session: Session, shared: TrialConfig) -> Iterator[str]:
    yield ""
    yield '[ -e "$tree" ] || git clone --quiet --no-checkout -- "$repository" "$tree"'
    if shared.profile and shared.profile.sparse:
        wanted = shlex.join(patterns(shared.profile.sparse))
        yield f'git -C "$tree" sparse-checkout set --no-cone {wanted}'
    yield f'git -C "$tree" checkout --quiet --force --detach {session.request.bad}'
    check = shared.check
    if isinstance(check, PytestCheck) and check.tests_from:
        file = shlex.quote(check.file)
        yield f'git -C "$tree" show {check.tests_from}:{file} > "$tree"/{file}'
    if isinstance(check, ProjectCheck) and check.tests_from:
        yield f'git -C "$tree" restore --source={check.tests_from} --worktree -- {shlex.join(check.paths)}'


def _looked_for(packages: Sequence[str]) -> Iterator[str]:
    """An engine that cannot be imported fails in every run, and that would reproduce nothing."""
    if packages:
        yield 'missing=""'
        yield f"for package in {' '.join(packages)}; do"
        yield '  "$python" -c "import $package" > /dev/null 2>&1 || missing="$missing $package"'
        yield "done"
        yield 'if [ "$missing" ]; then'
        yield '  echo "nothing was run: $python cannot import$missing; PYTHON=... names another one" >&2'
        yield "  exit 2"
        yield "fi"


def _environment(session: Session, document: Document, profile: Profile) -> Iterator[str]:
    used = next((trial.environment for trial in document.trials if trial.environment), "")
    yield ""
    yield from recipe(profile.build, pinned(session.home.cache, used) if used else ())


def _prepared(shared: TrialConfig) -> Iterator[str]:
    """What lies ready before the first run: the files of the check, and the modules of this package."""
    check, scenario, profile = shared.check, shared.scenario, shared.profile
    if isinstance(check, CommandCheck):
        yield from _files(_own_files(check))
        return
    assert scenario is not None
    assert profile is not None
    if isinstance(check, SuiteCheck) or profile.tiny_model:
        yield 'mkdir -p "$work/modules"'
        yield f"base64 --decode <<'MODULES' | tar -xz -C \"$work/modules\"\n{_BLOB}\nMODULES"
    if profile.tiny_model:
        yield from _heredoc('"$work/tiny_model.py"', _MAKE_MODEL)
        yield '"$python" "$work/tiny_model.py" "$work/modules" "$assets"'
    if isinstance(check, SuiteCheck):
        yield from _suite(scenario, profile)
    else:
        for name, value in profile.launch.env.items():
            yield f"export {name}={word(value)}"


def _suite(scenario: Scenario, profile: Profile) -> Iterator[str]:
    pins = " ".join(f"{name}=={installed(name)}" for name in _HARNESS)
    yield "harness=$python"
    yield f'if ! "$python" -c "import {", ".join(_HARNESS)}" 2> /dev/null; then'
    yield '  "${PYTHON:-python3}" -m venv "$work/harness"'
    yield f'  "$work/harness/bin/python" -m pip install --quiet {pins}'
    yield "  harness=$work/harness/bin/python"
    yield "fi"
    for path in _of_scenario(scenario):
        target = f'"$scenario"/{shlex.quote(str(path.relative_to(scenario.folder)))}'
        yield f'mkdir -p "$(dirname {target})"'
        yield from _heredoc(target, path.read_text(encoding="utf-8"))
    yield from _heredoc('"$work/launch.in"', json.dumps(_launch(scenario, profile), indent=1))
    yield from _heredoc('"$work/launch.py"', _FILL_LAUNCH)


def _of_scenario(scenario: Scenario) -> Iterator[Path]:
    """The suite and what lies beside it: its conftest, its data."""
    for path in sorted(scenario.folder.rglob("*")):
        inside = path.relative_to(scenario.folder).parts
        if _is_text(path) and not any(part.startswith((".", "__pycache__")) for part in inside):
            yield path


def _launch(scenario: Scenario, profile: Profile) -> dict[str, object]:
    """`launch.json` with its templates as they are."""
    launch, ports = profile.launch, share(0, 1)
    asked = launch.model_dump(mode="json", exclude={"gpus_per_rank"})
    return {
        **asked,
        "served_model": launch.served_model or launch.model,
        "ports": {"start": ports.start, "stop": ports.stop},
        "rank_env": [_devices(rank, launch.gpus_per_rank) for rank in range(launch.dp_size)],
        "ready_s": profile.timeouts.ready,
        "teardown_s": profile.timeouts.teardown,
        "engine_logs": scenario.logs.model_dump(mode="json"),
    }


def _devices(rank: int, count: int) -> dict[str, str]:
    mine = range(rank * count, (rank + 1) * count)
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, mine))} if count else {}


def _counted(document: Document, shared: TrialConfig) -> Iterator[str]:
    """The loop. A run that neither passed nor failed is not counted: 125, or an odd end of pytest."""
    command = isinstance(shared.check, CommandCheck)
    limit = shared.deadline_s if shared.profile is None else shared.profile.timeouts.trial
    folder = "$logs" if isinstance(shared.check, SuiteCheck) else "$tree"
    yield ""
    yield f"export {' '.join(_PLACES)} logs"
    yield "passed=0 failed=0"
    yield 'for run in $(seq "$runs"); do'
    yield "  logs=$work/logs/$run code=0 temporary=$(mktemp -d /tmp/repro-XXXXXX)"
    yield '  mkdir -p "$logs"'
    if command:  # what one run wrote is not there in the next
        yield '  git -C "$tree" checkout --quiet --force . && git -C "$tree" clean -ffdxq'
    if isinstance(shared.check, SuiteCheck):
        yield '  "$harness" "$work/launch.py" "$work/launch.in" > "$logs/launch.json"'
    yield f'  (cd "{folder}" && TMPDIR=$temporary timeout -k 20 {limit:g} {_words(document, shared)}) \\'
    yield '    > "$logs/suite.log" 2>&1 < /dev/null || code=$?'
    if not command:  # pytest ends with 0 where all is skipped, too
        passed = "tail -n 5 \"$logs/suite.log\" | grep -Eq '[0-9]+ passed'"
        yield f'  if [ "$code" = 0 ] && ! {passed}; then code=5; fi'
    # `timeout` ends with 124 or 137: what hangs has failed.
    yield f"  case $code in 0) passed=$((passed + 1)) ;; {'125' if command else '[2-9]'}) ;;"
    yield "    *) failed=$((failed + 1)) ;; esac"
    yield '  rm -rf "$temporary"'
    yield '  echo "run $run of $runs ended with $code ($logs/suite.log)"'
    yield '  echo "so far $failed failed and $passed passed"'
    yield "done"
    yield 'echo "$failed of $((failed + passed)) runs failed"'
    yield 'if [ "$((failed + passed))" = 0 ]; then'
    yield '  echo "no run gave a result: none passed, none failed" >&2'
    yield "  exit 3"
    yield "fi"
    yield 'exit "$((failed > 0))"'


def _words(document: Document, shared: TrialConfig) -> str:
    """The command of one run."""
    check = shared.check
    if isinstance(check, CommandCheck):
        names = _own_files(check)
        return " ".join(names.get(part) or shlex.quote(part) for part in check.argv)
    cells = document.repro.cells if document.repro else {}
    if isinstance(check, PytestCheck):
        asked = [shlex.quote(f"{check.file}::{cell}") for cell in cells] or [shlex.quote(check.file)]
        return " ".join(('"$python" -m pytest -p no:cacheprovider -s -v', *asked))
    if isinstance(check, ProjectCheck):
        words = map(shlex.quote, (*check.args, *(cells or check.targets)))
        return " ".join(('env PYTHONPATH="$tree/src:$tree" "$python" -m pytest -v', *words))
    assert shared.scenario is not None
    suite = shared.scenario.suite
    asked = [f'"$scenario"/{shlex.quote(f"{suite}::{cell}")}' for cell in cells]
    variables = 'env PYTHONPATH="$work/modules" BISECT_RUN_LAUNCH="$logs/launch.json"'
    options = "-p no:cacheprovider -p bisect_tool.suite.fixtures -q -c /dev/null"
    pytest = f'"$harness" -B -m pytest {options} --rootdir "$scenario"'
    return " ".join((variables, pytest, *(asked or [f'"$scenario"/{shlex.quote(suite)}'])))


def _own_files(check: CommandCheck) -> dict[str, str]:
    """The files of a command that are not in the history, by their words, and where the script puts them."""
    found = [part for part in dict.fromkeys(check.argv) if part.startswith("/") and _is_text(Path(part))]
    return {
        part: f'"$work"/{shlex.quote(f"{number}-{Path(part).name}")}' for number, part in enumerate(found)
    }


def _is_text(path: Path) -> bool:
    try:
        if not path.is_file() or path.stat().st_size > _FILE_LIMIT:
            return False
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return True


def _files(names: Mapping[str, str]) -> Iterator[str]:
    for path, target in names.items():
        yield from _heredoc(target, Path(path).read_text(encoding="utf-8"))
        yield f"chmod +x {target}"


def _heredoc(target: str, text: str) -> Iterator[str]:
    mark = "END"
    while mark in text.splitlines():
        mark += "_"
    yield f"cat > {target} <<'{mark}'\n{text.rstrip()}\n{mark}"


def _modules() -> str:
    """The modules as a compressed archive in base64: the same bytes every time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file,
        tarfile.open(fileobj=file, mode="w") as tar,
    ):
        for name in _MODULES:
            for path in sorted(_sources(_PACKAGE / name)):
                _add(tar, path, f"bisect_tool/{path.relative_to(_PACKAGE)}")
        _add(tar, _PACKAGE / "build" / _TINY_MODEL, _TINY_MODEL)
    return base64.encodebytes(packed.getvalue()).decode().rstrip()


def _sources(path: Path) -> Iterator[Path]:
    """A module, or those of a folder with the table of patterns that they read."""
    yield from (*path.glob("*.py"), *path.glob("*.toml")) if path.is_dir() else (path,)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


_MAKE_MODEL = """\
import pathlib, sys

sys.path.insert(0, sys.argv[1])
import tiny_model

tiny_model.ensure_model(pathlib.Path(sys.argv[2]))
"""

_FILL_LAUNCH = """\
# Fills the templates of a launch file with the folders of this run.
import json, os, sys


def filled(value):
    if isinstance(value, str):
        return value.format_map(os.environ)
    if isinstance(value, list):
        return [filled(item) for item in value]
    return {name: filled(item) for name, item in value.items()} if isinstance(value, dict) else value


with open(sys.argv[1]) as file:
    launch = json.load(file)
known = launch.pop("engine_logs")
launch = {**filled(launch), "engine_logs": known}
launch["env"] = {**os.environ, **launch["env"]}
launch["logs"] = os.environ["logs"]
json.dump(launch, sys.stdout, indent=1)
"""
