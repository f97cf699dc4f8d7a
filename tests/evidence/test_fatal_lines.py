"""Fatal lines are recognised, and healthy lines are not."""

from __future__ import annotations

import pytest
from engine_logs import DIED, FIVE, HEALTHY, engine_core_failure, worker_failure

from bisect_tool.evidence import is_fatal

CORE = "(EngineCore_DP0 pid=3) "
ERROR = "ERROR 11-23 07:56:00 [core.py:1100] "


@pytest.mark.parametrize(
    "line",
    [
        FIVE[0],
        FIVE[3],
        FIVE[4],
        DIED[0],
        worker_failure("OSError: x")[0],
        engine_core_failure()[0],
        CORE + "Process EngineCore_DP0:",
        CORE + ERROR + "EngineCore failed to start.",
        "\x1b[31m" + CORE + ERROR + "EngineCore failed to start.\x1b[0m",
        "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.",
        "(APIServer pid=1) RuntimeError: Failed core proc(s): {'EngineCore_DP1': 1}",
        "(APIServer pid=1) ERROR:    [Errno 98] while binding on ('::', 80): address already in use",
        "OSError: [Errno 98] Address already in use",
        "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:29550')",
        "vllm serve: error: unrecognized arguments: --shutdown-timeout",
    ],
)
def test_fatal(line):
    assert is_fatal(line)


@pytest.mark.parametrize(
    "line",
    [
        *HEALTHY,
        FIVE[1],
        FIVE[2],
        "(APIServer pid=1) WARNING 11-23 07:56:00 [utils.py:1] Address already in use, trying the next one",
        "(APIServer pid=1) INFO 11-23 07:56:00 [utils.py:1] Port 8000 is already in use, trying port 8001",
        '    raise Exception("Servers failed to start")',
        "(Worker_DP0 pid=1) Process group initialised",
        "INFO 11-23 07:56:00 [a.py:1] on_failure='Engine core initialization failed'",
        "",
    ],
)
def test_not_fatal(line):
    assert not is_fatal(line)
