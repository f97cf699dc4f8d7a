"""From launch.json to the command line and the environment of each rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from bisect_tool.pytest_plugin.deployment import Command, external_lb, headless, single_server
from bisect_tool.pytest_plugin.launch import Launch, read_launch

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = {
    "command": ["python", "-m", "engine"],
    "args": ["--dtype", "bfloat16"],
    "env": {"A": "1", "B": "2"},
    "model": "tiny",
    "served_model": "tiny",
    "logs": "/logs",
    "ports": {"start": 8000, "stop": 8010},
    "ready_s": 1,
    "teardown_s": 1,
}


def test_command_line_of_a_rank():
    launch = Launch.model_validate({**FIELDS, "tp_size": 2, "dp_size": 3})
    words = "--data-parallel-size 3 --data-parallel-rank 1 --data-parallel-size-local 1"
    expected = [*words.split(), "--port", "8001", "--api-server-count", "4"]
    command = external_lb(launch, 4).commands([8000, 8001, 8002])[1]
    assert command == Command(1, tuple(expected), 8001)
    common = ["python", "-m", "engine", "serve", "tiny", "--dtype", "bfloat16", "--tensor-parallel-size", "2"]
    assert launch.serve(*command.flags) == (*common, *expected)
    launch = launch.model_copy(update={"rpc_port": True})
    assert external_lb(launch, 4).ports == 4
    (*_, last) = external_lb(launch, 4).commands([8000, 8001, 8002, 8009])
    assert (last.rank, last.port, last.flags[-2:]) == (2, 8002, ("--data-parallel-rpc-port", "8009"))


def test_command_line_of_a_single_server():
    (command,) = single_server("it", 4, ["--drain", "3"]).commands([8000])
    assert command == Command(0, ("--drain", "3", "--port", "8000", "--api-server-count", "4"), 8000)


def test_headless_server_has_the_engine_core_and_another_one_the_port():
    engine, head = headless("it", "EngineCore", ["--drain", "3"]).commands([8000, 8009])
    assert (engine.rank, engine.port, engine.after) == (0, None, "")
    assert (head.rank, head.port, head.after) == (1, 8000, "EngineCore")
    local = "--data-parallel-size-local"
    assert [flags[flags.index(local) + 1] for flags in (head.flags, engine.flags)] == ["0", "1"]
    assert "--headless" in engine.flags
    assert "--api-server-count" not in engine.flags
    rpc = "--data-parallel-rpc-port"
    assert [flags[flags.index(rpc) + 1] for flags in (head.flags, engine.flags)] == ["8009", "8009"]


def test_environment_of_a_rank(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BISECT_RUN_TOKEN", "t")
    monkeypatch.setenv("BISECT_RUN_REPORT", "r")
    launch = Launch.model_validate({**FIELDS, "rank_env": [{}, {"B": "3"}]})
    common = {"A": "1", "PYTHONUNBUFFERED": "1", "BISECT_RUN_TOKEN": "t"}
    assert launch.environment(0) == {**common, "B": "2"}
    assert launch.environment(1) == {**common, "B": "3"}


def test_no_token_outside_a_trial(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BISECT_RUN_TOKEN", raising=False)
    assert "BISECT_RUN_TOKEN" not in Launch.model_validate(FIELDS).environment(0)


def test_launch_json_is_read_back(tmp_path: Path):
    launch = Launch.model_validate(FIELDS)
    path = tmp_path / "launch.json"
    path.write_text(launch.model_dump_json())
    assert read_launch(path) == launch


@pytest.mark.parametrize("wrong", [{"command": []}, {"dp_size": 0}, {"sigterm": "all"}, {"unknown": 1}])
def test_invalid_launch_json_is_rejected(wrong: dict[str, object]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Launch.model_validate({**FIELDS, **wrong})
