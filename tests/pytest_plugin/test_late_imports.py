from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bisect_tool.pytest_plugin import fixtures
from bisect_tool.pytest_plugin.launch import Launch
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.server_group import ServerGroup

SUITE = """
import sys
from bisect_tool.pytest_plugin.fixtures import RequestFailed, ServersFailed

def loaded():
    return {"requests", "bisect_tool.evidence", "bisect_tool.pytest_plugin.server_group"} & {*sys.modules}

def test_nothing():
    assert "pydantic" not in sys.modules

def test_launch(launch):
    assert launch.dp_size == 1
    assert not loaded()

def test_servers(rank_servers, start_servers):
    assert len(loaded()) == 3
"""
LAUNCH = {
    "command": ["engine"],
    "model": "m",
    "served_model": "m",
    "dp_size": 1,
    "ports": {"start": 9000, "stop": 9100},
    "ready_s": 1,
    "teardown_s": 1,
}


def test_modules_of_fixtures_are_imported_with_the_first_fixture(tmp_path):
    (tmp_path / "test_it.py").write_text(SUITE)
    file = tmp_path / "launch.json"
    file.write_text(json.dumps(LAUNCH | {"logs": str(tmp_path)}))
    plugins = ("no:cacheprovider", "bisect_tool.pytest_plugin.fixtures")
    folders = ("-c", os.devnull, "--confcutdir", ".")
    words = ("-q", *(word for plugin in plugins for word in ("-p", plugin)), *folders, "test_it.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env=os.environ | {"BISECT_RUN_LAUNCH": str(file)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_suite_can_import_the_classes_of_servers():
    assert (fixtures.RankServer, fixtures.ServerGroup, fixtures.Launch) == (RankServer, ServerGroup, Launch)
    with pytest.raises(AttributeError, match="has no attribute 'Server'"):
        _ = fixtures.Server
