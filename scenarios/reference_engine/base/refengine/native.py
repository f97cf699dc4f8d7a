"""The native part: kernels which `build.py` compiled from `csrc/` into one file."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import NamedTuple

MAGIC = b"REFN"
FILE = "kernels.bin"


class NativeError(RuntimeError):
    """The kernels are missing or damaged; the message says what to do."""


class Instruction(NamedTuple):
    """One step of a stack machine: `operation` pops its operands and pushes its result."""

    operation: str
    operand: float = 0.0


Kernel = tuple[Instruction, ...]


def load_kernels() -> dict[str, Kernel]:
    """Kernels by name, from the folder which REFENGINE_NATIVE names."""
    folder = os.environ.get("REFENGINE_NATIVE")
    if not folder:
        raise NativeError("REFENGINE_NATIVE is not set: run `python build.py --out DIR` and set it to DIR")
    path = Path(folder, FILE)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NativeError(f"{path} does not exist: build it with `python build.py --out {folder}`") from None
    magic, checksum, body = content[:4], content[4:8], content[8:]
    if magic != MAGIC or zlib.crc32(body).to_bytes(4, "little") != checksum:
        raise NativeError(f"{path} is damaged: build it again")
    return {name: tuple(Instruction(*step) for step in steps) for name, steps in json.loads(body).items()}
