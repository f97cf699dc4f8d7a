"""Compiles `csrc/*.kernel` into one file: `python build.py --out DIR`. Needs nothing but Python.

A kernel is a line `kernel NAME : WORDS`, an elementwise function of `x` in postfix form. The build checks
the stack of every kernel and writes what `refengine/native.py` reads.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from pathlib import Path

OPERANDS = {"x": 0, "neg": 1, "exp": 1, "sqrt": 1, "add": 2, "sub": 2, "mul": 2, "div": 2, "max": 2}
REQUIRED = ("activation", "router_scale")

Step = tuple[str, float]


class BuildError(Exception):
    """A kernel is not valid; the message has file and line."""


def compile_line(text: str, where: str) -> tuple[str, list[Step]]:
    """One kernel: its name and its steps."""
    head, colon, body = text.partition(":")
    words = head.split()
    if not colon or len(words) != 2 or words[0] != "kernel":
        raise BuildError(f"{where}: error: expected `kernel NAME : WORDS`")
    name, depth, steps = words[1], 0, []
    for word in body.split():
        if word in OPERANDS:
            if depth < OPERANDS[word]:
                raise BuildError(f"{where}: error: `{word}` in kernel `{name}` finds too few operands")
            depth += 1 - OPERANDS[word]
            steps.append((word, 0.0))
            continue
        try:
            steps.append(("push", float(word)))
        except ValueError:
            raise BuildError(f"{where}: error: unknown word `{word}` in kernel `{name}`") from None
        depth += 1
    if depth != 1:
        raise BuildError(f"{where}: error: kernel `{name}` leaves {depth} values, expected 1")
    return name, steps


def compile_folder(folder: Path) -> dict[str, list[Step]]:
    """All kernels of a folder by name."""
    kernels: dict[str, list[Step]] = {}
    for path in sorted(folder.glob("*.kernel")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            text = line.partition("#")[0].strip()
            if text:
                where = f"{path.parent.name}/{path.name}:{number}"
                name, steps = compile_line(text, where)
                if name in kernels:
                    raise BuildError(f"{where}: error: kernel `{name}` is defined twice")
                kernels[name] = steps
    missing = [name for name in REQUIRED if name not in kernels]
    if missing:
        raise BuildError(f"{folder.name}: error: no kernel named {', '.join(missing)}")
    return kernels


def main() -> int:
    """Write DIR/kernels.bin, whole or not at all."""
    parser = argparse.ArgumentParser(description="Compile the kernels of csrc/.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    out: Path = parser.parse_args().out
    try:
        kernels = compile_folder(Path(__file__).with_name("csrc"))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    body = json.dumps(kernels, sort_keys=True).encode()
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f"kernels.{os.getpid()}.tmp"
    partial.write_bytes(b"REFN" + zlib.crc32(body).to_bytes(4, "little") + body)
    partial.replace(out / "kernels.bin")
    print(f"built {len(kernels)} kernels into {out / 'kernels.bin'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
