"""The benchmark of the start-up: its table, and the processor time of command lines."""

from __future__ import annotations

import sys

from benchmarks.startup import measure, table


def test_table_compares_with_the_packages():
    packages = 'python -c "import typer, rich"'
    assert table({packages: 0.1, "bisect-run --help": 0.15}).splitlines()[2:] == [
        f"| `{packages}` | 0.100 | 1.00 |",
        "| `bisect-run --help` | 0.150 | 1.50 |",
    ]


def test_processor_time_of_the_command_is_measured():
    used = "import time\nwhile time.process_time() < 0.3: pass"
    least = measure({"busy": (sys.executable, "-c", used), "idle": (sys.executable, "-S", "-c", "")}, 1)
    assert least["busy"] >= 0.29
    assert least["idle"] < least["busy"]
