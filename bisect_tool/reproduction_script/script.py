"""Write the bash script of `repro --script`, which reproduces a failure on a machine without bisect-run.

It clones the repository, checks the commit out, installs the profile's packages in the recorded versions,
runs the same cells as often, and counts failures. The modules that the suite's fixtures need are embedded.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from bisect_tool.build.commit_wheel import used_wheel
from bisect_tool.build.package_versions import pinned_packages
from bisect_tool.evidence.patterns import PATTERNS
from bisect_tool.format import short
from bisect_tool.git.clone import is_url, without_account
from bisect_tool.git.worktree import patterns
from bisect_tool.mode import Repro
from bisect_tool.reproduction_script.bundle import MODULES, modules
from bisect_tool.reproduction_script.environment_commands import environment_commands
from bisect_tool.reproduction_script.imports import imported
from bisect_tool.reproduction_script.kinds import script_of
from bisect_tool.sanitise import clean, clean_line, redact, secret_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.json_document.document import Document
    from bisect_tool.scenario import Profile
    from bisect_tool.session.session import Session
    from bisect_tool.trial.config import TrialConfig

_STEERING = (
    *("CUDA_", "HF_", "NCCL_", "OMP_", "PYTORCH_", "TOKENIZERS_", "TORCH_", "TRANSFORMERS_"),
    *sorted(f"{package.upper()}_" for package in PATTERNS.packages),
)
"""Variables of the caller that influence how an engine runs."""
_PLACES = ("python", "environment", "out", "tree", "scenario", "assets", "temporary")


def script(session: Session, document: Document) -> str:
    """Return the script for a session of `repro`, without secrets of this process's environment."""
    shared = session.config
    packages = needed(session)
    lines = [*_head(session, document, packages), *_checkout(session, shared)]
    lines += _looked_for(packages)
    if shared.profile is not None:
        lines += _environment(session, document, shared.profile)
    lines += script_of(shared).prepared()
    lines += _counted(document, shared)
    text = redact(clean("\n".join(lines)), secret_values(os.environ))
    return f"{text.replace(MODULES, modules()) if MODULES in text else text}\n"


def needed(session: Session) -> tuple[str, ...]:
    """Return the packages that PYTHON must have; none if the profile creates an environment."""
    shared = session.config
    if shared.profile is None or shared.profile.build.needs_venv:
        return ()
    check = script_of(shared)
    if not check.imports_engine:
        return check.packages
    return check.packages + imported(session.repository.git, session.request.bad, shared.profile)


def _head(session: Session, document: Document, packages: Sequence[str]) -> Iterator[str]:
    request, asked = session.request, session.request.mode
    assert isinstance(asked, Repro)
    subject = clean_line(session.repository.commit(request.bad).subject, 100)
    yield "#!/usr/bin/env bash"
    yield f"# Runs commit {short(request.bad)} ({subject}) many times, and counts the failures."
    yield f"# Result: {clean_line(document.conclusion)}."
    yield f"# Versions: {', '.join(f'{name} {value}' for name, value in document.versions.items())}."
    if asked.stress:
        yield f"# The runs were under --stress {asked.stress}, which this script does not apply."
    if asked.against:
        yield f"# It was compared with {short(asked.against)}, which this script does not run."
    where = origin(session)
    usage = "[REPOSITORY]" if where else "REPOSITORY"
    yield f"# Usage: bash FILE {usage}. Needs bash, git, coreutils and Python 3.11 or newer with venv."
    yield "# RUNS: number of runs. WORK: working directory. PYTHON: the base interpreter."
    if packages:
        yield f"# PYTHON must be an interpreter that has {', '.join(packages)}, else the script exits with 2."
    yield "# Exits with 1 if a run failed, 0 if none did, 3 if no run gave a result, 2 if nothing was run."
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
    """Return the public URL of the repository; empty for a checkout without an origin."""
    source = session.repository.source
    if source is None:
        return without_account(session.request.repo) if is_url(session.request.repo) else ""
    git, asked = session.repository.git, ("config", "--file", str(source / "config"), "remote.origin.url")
    url = git.lines(*asked)[0] if git.succeeds(*asked) else ""
    return without_account(url) if is_url(url) else ""


def _steering() -> Mapping[str, str]:
    """Variables that are not secret; paths of this machine have no effect elsewhere."""
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
    yield from script_of(shared).pinned()


def _looked_for(packages: Sequence[str]) -> Iterator[str]:
    """An engine that cannot be imported fails in every run, and that would reproduce nothing."""
    if packages:
        yield 'missing=""'
        yield f"for package in {' '.join(packages)}; do"
        yield '  "$python" -c "import $package" > /dev/null 2>&1 || missing="$missing $package"'
        yield "done"
        yield 'if [ "$missing" ]; then'
        yield '  echo "nothing was run: $python cannot import$missing; set PYTHON to another interpreter" >&2'
        yield "  exit 2"
        yield "fi"


def _environment(session: Session, document: Document, profile: Profile) -> Iterator[str]:
    used = next((trial.environment for trial in document.trials if trial.environment), "")
    yield ""
    cache = session.home.cache
    yield from environment_commands(
        profile.build, pinned_packages(cache, used) if used else (), used_wheel(cache, used)
    )


def _counted(document: Document, shared: TrialConfig) -> Iterator[str]:
    """Write the loop; a run that neither passed nor failed (125, a pytest error) is not counted."""
    check = script_of(shared)
    cells = document.repro.cells if document.repro else {}
    limit = shared.deadline_s if shared.profile is None else shared.profile.timeouts.trial
    yield ""
    yield f"export {' '.join(_PLACES)} logs"
    yield "passed=0 failed=0"
    yield 'for run in $(seq "$runs"); do'
    yield "  logs=$work/logs/$run code=0 temporary=$(mktemp -d /tmp/repro-XXXXXX)"
    yield '  mkdir -p "$logs"'
    yield from check.before_run()
    command = check.command(cells)
    yield f'  (cd "{check.folder}" && TMPDIR=$temporary timeout -k 20 {limit:g} {command}) \\'
    yield '    > "$logs/suite.log" 2>&1 < /dev/null || code=$?'
    yield from check.after_run()
    # `timeout` ends with 124 or 137: what hangs has failed.
    yield f"  case $code in 0) passed=$((passed + 1)) ;; {check.inconclusive}) ;;"
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
