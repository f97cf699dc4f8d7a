"""Imports are declared in pyproject.toml, and declared dependencies are imported."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN_TIME = PROJECT["dependencies"]
EXTRAS = PROJECT["optional-dependencies"]
IMPORT = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)


@pytest.mark.parametrize(
    ("folder", "requirements"),
    [
        ("bisect_tool", [*RUN_TIME, *EXTRAS["engine"], *EXTRAS["ray"]]),
        ("tests", [*RUN_TIME, *EXTRAS["engine"], *EXTRAS["ray"], *EXTRAS["test"]]),
    ],
)
def test_every_import_is_declared(folder, requirements):
    declared = {"bisect-run", *names(requirements)}
    undeclared = {module: found for module, found in imported(folder).items() if not declared & found}
    assert undeclared == {}


def test_every_dependency_at_run_time_is_imported():
    assert names(RUN_TIME) - set().union(*imported("bisect_tool").values()) == set()


def names(requirements):
    return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions():
    """The names of the installed packages that have a module of a name."""
    return {module: {*map(normal, found)} for module, found in packages_distributions().items()}


@cache
def imported(folder):
    """The installed modules that the files below a folder import, each with the packages that have it."""
    files = (ROOT / folder).rglob("*.py")
    modules = {module for file in files for module in IMPORT.findall(file.read_text())}
    return {module: distributions()[module] for module in modules & distributions().keys()}
