"""Derive a command's parameters, and the command line for given values, from a model of its options.

A model is a frozen dataclass whose fields are `Annotated[type, typer.Option(...)]` or `typer.Argument(...)`.
A tuple field is an option that may be repeated, or the arguments after `--`.
"""

from __future__ import annotations

import copy
import inspect
import os
import shlex
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache, wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from typer.models import ArgumentInfo

_Options = TypeVar("_Options")


@dataclass(frozen=True)
class DeclaredOption:
    """An option or argument: the field's name, type and default, and its Typer declaration."""

    name: str
    type: Any
    info: OptionInfo | ArgumentInfo
    default: Any

    @property
    def flag(self) -> str:
        """The flag, such as `--good`; empty for an argument."""
        return str(self.info.default) if isinstance(self.info, OptionInfo) else ""

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING

    @property
    def repeated(self) -> bool:
        """Whether it can have several values."""
        return get_origin(self.type) is tuple

    @property
    def parameter(self) -> inspect.Parameter:
        """The parameter that Typer reads; a list instead of a tuple, whose length Typer would fix."""
        kind: Any = list[get_args(self.type)[0]] if self.repeated else self.type  # type: ignore[misc]
        default = inspect.Parameter.empty if self.required else self.default
        if self.repeated and not self.required:
            kind, default = kind | None, None
        annotation = Annotated[kind, self.info]
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )


def declared_options(model: type) -> tuple[DeclaredOption, ...]:
    """The options of a model, in the order of its fields."""
    return _read_options(cast("Hashable", model))


@cache
def _read_options(model: Any) -> tuple[DeclaredOption, ...]:  # noqa: ANN401 - a type, which mypy cannot hash
    hints = get_type_hints(model, include_extras=True)
    found = []
    for field in fields(model):
        kind, info = get_args(hints[field.name])
        found.append(DeclaredOption(field.name, kind, info, field.default))
    return tuple(found)


def takes(
    model: type[_Options], *, without: Sequence[str] = ()
) -> Callable[[Callable[[_Options], int]], Callable[..., int]]:
    """Turn a function of one options object into a command with the options of its model.

    Options in `without` are left out and keep their defaults.
    """
    parameters = [each.parameter for each in declared_options(model) if each.name not in without]

    def decorate(function: Callable[[_Options], int]) -> Callable[..., int]:
        @wraps(function)
        def command(**given: Any) -> int:  # noqa: ANN401 - each as its option declares it
            return function(_parsed(model, given))

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def takes_with_given(
    model: type[_Options], prefix: str
) -> Callable[[Callable[[_Options, frozenset[str]], int]], Callable[..., int]]:
    """Turn a function of an options object, and of the names of the given options, into a command.

    An option can also be given by an environment variable: `prefix` and its name in upper case. Several
    values in a variable are separated as in a shell.
    """
    options = declared_options(model)
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context, *(_with_variable(each, prefix).parameter for each in options)]

    def decorate(function: Callable[[_Options, frozenset[str]], int]) -> Callable[..., int]:
        @wraps(function)
        def command(context: typer.Context, **values: Any) -> int:  # noqa: ANN401 - each as declared
            sources = {name: context.get_parameter_source(name) for name in values}
            given = {name for name, source in sources.items() if source and source.name != "DEFAULT"}
            missing = [each for each in options if each.name not in given]
            lists = {each.name: found for each in missing if (found := _variable_values(each, prefix))}
            values |= lists
            given |= lists.keys()
            return function(_parsed(model, values), frozenset(given))

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def variable(option: DeclaredOption, prefix: str) -> str:
    """The environment variable that gives an option, or the arguments after `--`."""
    return f"{prefix}{(option.flag.removeprefix('--') or option.name).replace('-', '_').upper()}"


def _with_variable(option: DeclaredOption, prefix: str) -> DeclaredOption:
    """The option with its variable, unless it can be repeated: Typer would split the value at any space."""
    if option.repeated:
        return option
    info = copy.copy(option.info)
    info.envvar = variable(option, prefix)
    info.show_envvar = False
    return replace(option, info=info)


def _variable_values(option: DeclaredOption, prefix: str) -> list[str]:
    """The values of a repeatable option in its variable."""
    name = variable(option, prefix)
    try:
        return shlex.split(os.environ.get(name, "")) if option.repeated else []
    except ValueError as error:
        raise typer.BadParameter(f"{name}: {str(error).lower()}") from None


def _parsed(model: type[_Options], given: dict[str, Any]) -> _Options:
    """The options object for the values that Typer parsed."""
    repeated = {each.name for each in declared_options(model) if each.repeated}
    return model(**{name: tuple(value or ()) if name in repeated else value for name, value in given.items()})


def to_arguments(options: object) -> list[str]:
    """The command-line arguments for these options; those with their default value are left out."""
    given = sorted(declared_options(type(options)), key=lambda option: option.repeated and not option.flag)
    return [word for each in given for word in _option_arguments(each, getattr(options, each.name))]


def _option_arguments(option: DeclaredOption, value: Any) -> Iterator[str]:  # noqa: ANN401 - of the option's type
    if value == option.default:
        return
    if not option.flag:
        yield from ("--", *value) if option.repeated else (value,)
    elif value is True:
        yield option.flag
    else:
        for each in value if option.repeated else (value,):
            yield from (option.flag, str(each).removesuffix(".0") if isinstance(each, float) else str(each))
