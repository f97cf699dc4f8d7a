"""The models of options, by command: what the function of each takes."""

from importlib import import_module
from inspect import unwrap
from typing import get_type_hints

from bisect_tool.cli.dispatch import _COMMANDS

FUNCTIONS = {name: unwrap(getattr(import_module(f"bisect_tool.cli.{name}"), name)) for name in _COMMANDS}
MODELS = {
    name: hints["options"]
    for name, function in FUNCTIONS.items()
    if "options" in (hints := get_type_hints(function))
}
