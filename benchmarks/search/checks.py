"""Compare the peers that run in process with the real commands, on the same problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.search.output import progress
from benchmarks.search.peers import git, real
from benchmarks.search.peers.all import BAYESECT, QUORUM, peers
from benchmarks.search.problem import Noise, problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.search.peers.real import Real
    from benchmarks.search.problem import Outcome, Problem
    from benchmarks.search.size import Size

NOISE = Noise(0.9, 0.1)
CANDIDATES = (32, 128)
SEED = 2


class ModelDiffers(Exception):
    """A tool behaved differently in process than in a real repository: its figures are invalid."""


def report(size: Size) -> str:
    """Print the number of real searches; all of them agreed, run by run.

    Raises:
        ModelDiffers: one did not.
    """
    tools = peers()
    commands = _commands()
    for candidates in CANDIDATES:
        with real.made(candidates) as repository:
            for problem in problems(candidates, NOISE, size.real, SEED):
                for name, run in commands.items():
                    _compare(name, problem, tools[name]([problem])[0], run(repository, problem))
    return (
        f"{len(CANDIDATES) * size.real} searches with each peer were done by its own command in a "
        "repository, too: it ran the test at the same commits in the same order, and named the same one."
    )


def _commands() -> Mapping[str, Callable[[Real, Problem], Outcome]]:
    wrapped = {
        f"git bisect run, {name}": lambda repository, problem, name=name: repository.git_bisect(problem, name)
        for name in git.JUDGES
    }
    return {**wrapped, QUORUM: real.Real.quorum, BAYESECT: real.Real.bayesect}


def _compare(name: str, problem: Problem, in_process: Outcome, in_repository: Outcome) -> None:
    if in_process != in_repository:
        raise ModelDiffers(f"{name}, {problem}: {in_process} in process, {in_repository} in a repository")
    progress(
        f"{name}: {len(in_process.runs)} runs over {problem.candidates} commits, as in a real repository"
    )
