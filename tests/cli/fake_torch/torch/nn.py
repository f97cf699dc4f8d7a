"""The part of torch that the reference engine imports by its name."""

from __future__ import annotations

from torch import Anything

functional = Anything()
