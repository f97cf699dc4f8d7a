"""Options are declared once: parsing a generated command line gives the same options."""

import shlex
from dataclasses import MISSING
from pathlib import Path
from typing import Literal, get_args, get_origin

import command_models
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.options.declared_options import (
    declared_options,
    takes,
    takes_with_given,
    to_arguments,
    variable,
)
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.rerun import command_line
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions, StepOptions

MODELS = [RunOptions, ReproOptions, FixesOptions, StepOptions]
"""Those of sessions, which have a rerun line."""
OTHERS = sorted({*command_models.MODELS.values()} - {*MODELS}, key=str)
WORD = st.text(st.characters(exclude_categories=("Cs", "Cc")))
# A commit does not start with a dash.
COMMIT = WORD.filter(lambda word: not word.startswith("-"))


def parser(model):
    """A function that parses arguments with the command of a model."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command()
    @takes(model)
    def command(options: model) -> int:
        return options

    parse = typer.main.get_command(app)
    return lambda given: parse.main(given, "command", standalone_mode=False)


PARSERS = {model: parser(model) for model in (*MODELS, *OTHERS)}


def values(option):
    """The values that an option takes."""
    kind = option.type
    if option.repeated:
        return st.lists(WORD, min_size=option.required).map(tuple)
    parts = get_args(kind) if get_origin(kind) is not Literal else (kind,)
    found = [simple(part, option) for part in parts or (kind,) if part is not type(None)]
    return st.one_of(*found, *([st.none()] if type(None) in parts else []))


def simple(kind, option):
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(option.info.min, option.info.max or 10**9)
    if kind is float:
        return st.floats(option.info.min, option.info.max or 1e9)
    texts = WORD if option.flag else COMMIT
    return texts.map(Path) if kind is Path else texts


def options_of(model):
    return st.builds(
        model,
        **{
            option.name: values(option)
            if option.required
            else st.one_of(st.just(option.default), values(option))
            for option in declared_options(model)
        },
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(deadline=None)
@given(st.data())
def test_parsing_a_command_line_gives_the_options_it_was_made_from(model, data):
    options = data.draw(options_of(model))
    line = shlex.split(command_line(options))
    name = [model.NAME] if model.NAME else []
    assert line[: 1 + len(name)] == ["bisect-run", *name]
    assert PARSERS[model](line[1 + len(name) :]) == options


@pytest.mark.parametrize("model", OTHERS, ids=lambda model: model.__name__)
@settings(deadline=None, max_examples=15)
@given(st.data())
def test_command_parses_its_arguments_into_its_options(model, data):
    options = data.draw(options_of(model))
    assert PARSERS[model](to_arguments(options)) == options


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_required_options_are_sufficient(model):
    required = {option.name: "x" for option in declared_options(model) if option.default is MISSING}
    options = model(**{name: ("x",) if name == "good" else value for name, value in required.items()})
    assert PARSERS[model](to_arguments(options)) == options
    assert len(to_arguments(options)) <= 4


def test_excluded_option_is_unknown_to_the_command():
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(takes(StepOptions, without=("signature",))(lambda options: options))
    parse = typer.main.get_command(app)
    assert parse.main(["--rev", "main"], "step", standalone_mode=False) == StepOptions(rev="main")
    with pytest.raises(Exception, match="No such option"):
        parse.main(["--signature", "x"], "step", standalone_mode=False)


SAMPLES = {bool: ("1", True), int: ("7", 7), float: ("0.75", 0.75), str: ("x y", "x y")}


def sample(option):
    """A value of an option: as text in an environment variable, and parsed."""
    if option.repeated:
        return "'a b' c", ("a b", "c")
    parts = (option.type,) if get_origin(option.type) is Literal else get_args(option.type) or (option.type,)
    if get_origin(parts[0]) is Literal:
        return get_args(parts[0])[0], get_args(parts[0])[0]
    return SAMPLES[parts[0]]


def read_by_nightly(arguments):
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(takes_with_given(NightlyOptions, "BISECT_RUN_")(lambda options, given: (options, given)))
    return typer.main.get_command(app).main(arguments, "nightly", standalone_mode=False)


@pytest.mark.parametrize("option", declared_options(NightlyOptions), ids=lambda option: option.name)
def test_every_option_of_nightly_can_be_given_by_a_variable(option, monkeypatch):
    text, value = sample(option)
    monkeypatch.setenv(variable(option, "BISECT_RUN_"), text)
    assert read_by_nightly([]) == (NightlyOptions(**{option.name: value}), {option.name})


@pytest.mark.parametrize(("arguments", "name"), [(["--", "z"], "command"), (["--cells", "z"], "cells")])
def test_command_line_overrides_a_variable(arguments, name, monkeypatch):
    monkeypatch.setenv(f"BISECT_RUN_{name.upper()}", "x y")
    assert read_by_nightly(arguments) == (NightlyOptions(**{name: ("z",)}), {name})


def test_variable_with_a_quote_that_is_not_closed_is_named(monkeypatch):
    monkeypatch.setenv("BISECT_RUN_COMMAND", "./check.sh 'a")
    with pytest.raises(typer.BadParameter, match="BISECT_RUN_COMMAND: no closing quotation"):
        read_by_nightly([])
