"""Import the commit's packages first, even if the interpreter has an editable install of another tree.

Python runs this file when it starts with the file's folder on PYTHONPATH, so it also applies to subprocesses
of the tests. It needs only the standard library of Python 3.7 or newer. Environment variables configure it:

- `BISECT_RUN_TREE`: the commit's tree;
- `BISECT_RUN_ROOTS`: the folders in it from which its packages are imported, separated as in PYTHONPATH;
- `BISECT_RUN_CHECKOUT`: the user's checkout. An editable install that points into it is redirected to the
  same place in the tree.

Editable installs are of three kinds: a path in a `.pth` file, which comes last on `sys.path`; a finder after
Python's own; and a finder before it (meson-python, scikit-build-core), which takes precedence over any path.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes a tenth of Python's start
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_TREE = os.environ.get("BISECT_RUN_TREE", "")
_CHECKOUT = os.environ.get("BISECT_RUN_CHECKOUT", "")


def _inside(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(folder + os.sep))


def _moved(path: str) -> str:
    """Map a path in the user's checkout into the tree; other paths are unchanged."""
    if not isinstance(path, str) or _inside(path, sys.prefix) or _inside(path, _TREE):
        return path
    real = os.path.realpath(path)
    if not _inside(real, os.path.realpath(_CHECKOUT) if _CHECKOUT else ""):
        return path
    moved = os.path.join(_TREE, os.path.relpath(real, os.path.realpath(_CHECKOUT)))
    return moved if os.path.exists(moved) else path


class TreeFinder:
    """Finds modules of the commit's tree on `sys.path` before any other finder."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a top-level module in the tree; submodules are found by their package."""
        if path is not None or name in sys.builtin_module_names:
            return None
        spec = PathFinder.find_spec(name, None, target)
        if spec is None or spec.loader is None or not spec.has_location:
            return None
        return spec if _inside(os.path.realpath(spec.origin or ""), os.path.realpath(_TREE)) else None

    @staticmethod
    def invalidate_caches() -> None:
        """Keep nothing."""


def _put_first() -> None:
    roots = [root for root in os.environ.get("BISECT_RUN_ROOTS", "").split(os.pathsep) if root]
    moved = [_moved(path) for path in sys.path]
    added = [path for path in moved if path not in sys.path]
    sys.path[:0] = list(dict.fromkeys(roots + added))
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None) if name.startswith("__editable__") else None
        if isinstance(mapping, dict):
            mapping.update({package: _moved(place) for package, place in mapping.items()})
    sys.meta_path.insert(0, TreeFinder)


def _run_other_sitecustomize() -> None:
    """Run the environment's own sitecustomize, which this file shadows."""
    here = os.path.realpath(os.path.dirname(__file__))
    others = [path for path in sys.path if os.path.realpath(path) != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if _TREE:
    _put_first()
_run_other_sitecustomize()
