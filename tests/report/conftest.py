"""Paper to print on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console


@pytest.fixture
def printed():
    """Print a view on paper of a width without colours; the text comes without padding at line ends."""

    def show(renderable, width=120):
        paper = io.StringIO()
        Console(file=paper, width=width, color_system=None).print(renderable, crop=False)
        return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().split("\n")[:-1])

    return show
