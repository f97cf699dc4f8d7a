"""The commands to run next: what a page says enters them as quoted arguments only. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.triage.facts import Command
from bisect_tool.triage.missing import log_of
from bisect_tool.triage.node_ids import keyword, marker
from bisect_tool.triage.trackers import RUNS_IN_TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.triage.facts import End, FailingTest, Triage

_FLAKY_RUNS = "16"
_CELLS = 8
_SHORT = 12
_REVERTS = 16
_SHA = re.compile(r"[0-9a-f]{7,40}")
_PARAMETER_END = re.compile(r"[-\]]")
_IN_TESTS = re.compile(r"\bcd\s+\S*/?tests\b")


@dataclass(frozen=True)
class Context:
    """What is known besides the page.

    Attributes:
        repo: the repository to name in commands; empty for the project's address.
        page: the file that was read, if it is a text that `explain` can read; or empty.
        scenarios: for each bundled scenario its repository and the functions of its suite.
        paths: where test files are in the repository, by the path on the page.
        lacking: the pull requests that are not on the main branch of the repository.
    """

    repo: str = ""
    page: str = ""
    scenarios: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    lacking: frozenset[int] = frozenset()


def next_commands(found: Triage, context: Context) -> tuple[Command, ...]:
    """`run`, `fixes` and `explain`, as far as the page says what they need."""
    return (_run(found, context), *_fixes(found, context), *_explain(found, context))


def _run(found: Triage, context: Context) -> Command:
    good, bad = _revision(found.good, "GOOD"), _revision(found.bad, "BAD")
    check, checked = _check(found, context)
    flaky = any(note.value == "flaky" for note in found.notes)
    runs = ["--endpoint-runs", _FLAKY_RUNS] if flaky else []
    words = ["bisect-run", "--repo", _repo(found, context), "--good", good, "--bad", bad, *runs, *check]
    return Command(
        name="run",
        purpose="find the culprit in the range",
        argv=shlex.join(words),
        ready=found.has_ends and checked and bool(_known_repo(found, context)),
    )


def _revision(end: End, placeholder: str) -> str:
    if end.commit is None:
        return placeholder
    value = end.commit.value
    return value[:_SHORT] if _SHA.fullmatch(value) else value  # a tag is never abbreviated


def _repo(found: Triage, context: Context) -> str:
    return _known_repo(found, context) or "REPO"


def _known_repo(found: Triage, context: Context) -> str:
    return context.repo or (f"https://github.com/{found.project}" if found.project else "")


def _check(found: Triage, context: Context) -> tuple[list[str], bool]:
    """The options that say what to test, and whether they are complete."""
    if scenario := _scenario(found, context):
        return ["--scenario", scenario, *_cells(found.tests)], True
    if not found.tests:
        return ["--", "COMMAND"], False
    in_files = [test for test in found.tests if test.file]
    if not in_files:
        return [
            "--pytest",
            "FILE",
            *(word for test in found.tests for word in ("--cells", f"*{test.name}")),
        ], False
    named = [f"{_path(found, context, test.file)}{_selector(test)}" for test in in_files]
    if len(set(named)) > _CELLS:
        named = [_path(found, context, test.file) for test in in_files]
    words = [word for name in dict.fromkeys(named) for word in ("--pytest", name)]
    selected = [
        word for test in in_files[:_CELLS] if "[" in test.name for word in ("--cells", f"*{test.name}")
    ]
    return [*words, *(selected if len(in_files) <= _CELLS else []), *_arguments(found)], True


def _selector(test: FailingTest) -> str:
    name = test.name.partition("[")[0]
    return f"::{name}" if name else ""


def _arguments(found: Triage) -> list[str]:
    """What the page's own command selects with -k and -m."""
    commands = [fact.value for fact in found.test_commands if "pytest" in fact.value]
    if len(commands) != 1:
        return []
    options = [("-k", keyword(commands[0])), ("-m", marker(commands[0]))]
    words = [word for name, value in options if value for word in (name, value)]
    return ["--pytest-args", shlex.join(words)] if words else []


def _scenario(found: Triage, context: Context) -> str:
    """The bundled scenario of this project whose suite has all of these tests."""
    functions = {test.name.partition("[")[0] for test in found.tests}
    for name, (repository, suite) in context.scenarios.items():
        own = found.project and repository.removesuffix(".git").endswith(f"github.com/{found.project}")
        if own and functions and functions <= suite:
            return name
    return ""


def _cells(tests: Sequence[FailingTest]) -> list[str]:
    """Patterns for the cells of these tests; of the parameters the first is compared."""
    patterns = []
    for test in tests:
        function, bracket, parameters = test.name.partition("[")
        first = _PARAMETER_END.split(parameters)[0]
        patterns.append(f"{function}[{first}*]" if bracket else f"{function}*")
    return [word for pattern in dict.fromkeys(patterns) for word in ("--cells", pattern)]


def _path(found: Triage, context: Context, file: str) -> str:
    if file in context.paths:
        return context.paths[file]
    inside = found.project.startswith(RUNS_IN_TESTS) or any(
        _IN_TESTS.search(fact.value) for fact in found.test_commands
    )
    return f"tests/{file}" if inside and not file.startswith("tests/") else file


def _fixes(found: Triage, context: Context) -> Iterator[Command]:
    reverts = [
        str(each.pull or each.commit[:_SHORT])
        for each in found.suspects
        if each.in_range or (each.in_range is None and each.certainty == "stated")
    ][:_REVERTS]
    undone = _undone_fixes(found)
    fixes = [
        each
        for each in found.fix_candidates
        if each.role != "trial" and each.landed is not False and each.pull not in undone
    ]
    landed = [each for each in fixes if each.landed and each.pull not in context.lacking]
    if not (reverts or landed):
        return
    verify = [each.commit[:_SHORT] or str(each.pull) for each in landed]
    known = {each.pull for each in landed}
    unknown = [f"#{each.pull}" for each in fixes if each.pull not in known]
    check, checked = _check(found, context)
    options = [word for ref in reverts for word in ("--revert", ref)]
    options += [word for ref in verify for word in ("--verify", ref)]
    at = _revision(found.bad, "BAD")
    more = f"; add --verify for {', '.join(unknown)} if merged" if unknown else ""
    yield Command(
        name="fixes",
        purpose=f"try the reverts, and run the merged fixes{more}",
        argv=shlex.join(
            ["bisect-run", "fixes", "--repo", _repo(found, context), "--at", at, *options, *check]
        ),
        ready=bool(found.bad.commit) and checked and bool(_known_repo(found, context)),
    )


def _undone_fixes(found: Triage) -> frozenset[int]:
    """The fixes that were reverted, with their reverts."""
    fixes = {each.pull for each in found.fix_candidates if each.role == "fix"}
    pairs = [
        (each.pull, number)
        for each in found.fix_candidates
        if each.role == "revert"
        for number in each.reverts
    ]
    return frozenset(pull for pair in pairs if pair[1] in fixes for pull in pair)


def _explain(found: Triage, context: Context) -> Iterator[Command]:
    for build in found.builds:
        if build.state == "passed" or not build.job:
            continue
        fetch = log_of(build)
        if build.service == "buildkite":
            fetch = f'curl -sS -H "Authorization: Bearer $BUILDKITE_API_TOKEN" {shlex.quote(fetch)}'
        yield Command(
            name="explain",
            purpose=f"read the log of the job in build #{build.value}",
            argv=f"{fetch} | bisect-run explain -",
            ready=True,
        )
        return
    if context.page and found.error:
        yield Command(
            name="explain",
            purpose="read the error that the page quotes",
            argv=shlex.join(["bisect-run", "explain", context.page]),
            ready=True,
        )
    else:
        yield Command(
            name="explain",
            purpose="read the log of the failing job",
            argv="bisect-run explain LOG",
            ready=False,
        )
