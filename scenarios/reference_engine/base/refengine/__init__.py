"""A small serving engine: launcher, API servers, engine core and workers as separate processes."""

from __future__ import annotations

__version__ = "0.4.0"
