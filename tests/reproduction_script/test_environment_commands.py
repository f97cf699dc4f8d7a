"""The recipe of an environment is a bash script that follows the build profile."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from wheel_server import serving_wheels

from bisect_tool.build.commit_wheel import UsedWheel
from bisect_tool.build.profile import BuildProfile
from bisect_tool.reproduction_script.environment_commands import environment_commands, word
from bisect_tool.scenario import load

LIMIT_S = 60


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{tree}/build.py", '"$tree"/build.py'),
        ("{python}", '"$python"'),
        ("", "''"),
        ("a b", "'a b'"),
        ("$HOME", "'$HOME'"),
        ("--out={out}/it", '--out="$out"/it'),
        ("it's", "'it'\"'\"'s'"),
    ],
)
def test_a_template_is_one_word(template, expected):
    assert word(template) == expected


@pytest.mark.parametrize("name", load("external-lb-dp").profiles)
def test_the_recipes_are_bash(name, tmp_path):
    build = load("external-lb-dp").profile(name).build
    lines = "\n".join(environment_commands(build, ("torch==2.10.0", "numpy==2.0")))
    subprocess.run(["bash", "-n"], input=lines, check=True, text=True)
    assert ("venv" in lines) is build.needs_venv
    assert ("torch==2.10.0" in lines) is build.needs_venv
    assert ("--target" in lines) is (build.provider == "overlay")
    assert 'PYTHONPATH="$tree"' in lines


def test_the_recipe_takes_the_wheel_that_was_used():
    build = load("external-lb-dp").profile("gpu").build
    wheel = UsedWheel("a" * 40, "https://host/a/vllm-1%2Bg1.whl", "vllm-1+g1.whl", "0123", "cu129", "2.10.0")
    lines = list(environment_commands(build, (), wheel))
    subprocess.run(["bash", "-n"], input="\n".join(lines), check=True, text=True)
    assert "wheel=$out/vllm-1+g1.whl" in lines
    assert any("https://host/a/vllm-1%2Bg1.whl" in line for line in lines)
    assert 'echo "0123  $wheel" | sha256sum --check --quiet' in lines
    location = 'VLLM_PRECOMPILED_WHEEL_LOCATION="$wheel"'
    assert f'VLLM_USE_PRECOMPILED=1 {location} "$python" -m pip install --quiet "$tree"' in lines
    assert not any("PRECOMPILED" in line for line in environment_commands(build))


def test_recipe_repeats_an_interrupted_download(tmp_path):
    body, wheel = b"compiled" * 50_000, "vllm-1+g1.whl"
    checksum = hashlib.sha256(body).hexdigest()
    with serving_wheels() as server:
        server.files["/a.whl"], server.cut["/a.whl"] = body, [1000]
        used = UsedWheel("a" * 40, f"{server.url}/a.whl", wheel, checksum, "cu129", "2.10.0")
        lines = list(environment_commands(load("external-lb-dp").profile("gpu").build, (), used))
        (last,) = (number for number, line in enumerate(lines) if "sha256sum" in line)
        text = "\n".join(("set -eu", f"out={tmp_path} python={sys.executable}", *lines[last - 3 : last + 1]))
        codes = [
            subprocess.run(["bash"], input=text, text=True, check=False, timeout=LIMIT_S).returncode
            for _ in range(3)
        ]
    assert (codes[0] != 0, codes[1:], len(server.seen)) == (True, [0, 0], 2)
    assert (tmp_path / wheel).read_bytes() == body


def test_a_recipe_makes_its_virtual_environment(tmp_path):
    """Without requirements, so that the test needs no network."""
    build = BuildProfile(provider="command", python="3", command=(("{python}", "-c", "open('made', 'w')"),))
    head = f"set -eu\ntree={tmp_path} out={tmp_path}/e environment=$out python={sys.executable}\nmkdir $out\n"
    text = head + "\n".join(environment_commands(build, ()))
    subprocess.run(["bash"], input=text, check=True, text=True, timeout=LIMIT_S)
    assert (tmp_path / "made").exists()
    assert (tmp_path / "e" / "venv" / "bin" / "python").exists()
