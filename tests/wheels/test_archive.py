"""The checks of a downloaded wheel."""

from __future__ import annotations

import stat
import zipfile

import pytest
from packaging.version import Version

from bisect_tool.wheels.archive import BadWheel, check_wheel, pinned, torch_of


def check(path, version="1.0"):
    check_wheel(path, "engine", Version(version))
    return torch_of(path)


@pytest.mark.parametrize(
    ("requires", "torch"),
    [
        ((), ""),
        (("torch>=2.9",), ""),
        (("numba==1", "torch==2.10.0", "torch==2.9.0 ; extra == 'old'"), "2.10.0"),
        (
            ("torch==2.9.0; platform_system == 'Windows'", "Torch == 2.10.0; platform_system != 'Windows'"),
            "2.10.0",
        ),
        (("not a requirement!", "torchvision==0.25"), ""),
    ],
)
def test_version_of_torch_that_a_wheel_needs(wheel_at, requires, torch):
    assert check(wheel_at("1.0", *requires)) == torch


def test_pins_of_a_requirements_file():
    lines = ["-r common.txt", "", "# torch==1.0", "torch==2.10.0  # keep", "torchaudio==2.10.0"]
    assert pinned(lines, "torch") == "2.10.0"
    assert pinned(lines, "numba") == ""


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../b", "a\\b", "a//b", "./a"])
def test_member_that_would_be_written_elsewhere_is_refused(wheel_at, name):
    path = wheel_at()
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr(zipfile.ZipInfo(name), "")
    with pytest.raises(BadWheel, match="written elsewhere"):
        check(path)


def test_link_is_refused(wheel_at):
    path = wheel_at()
    link = zipfile.ZipInfo("engine/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr(link, "/etc/passwd")
    with pytest.raises(BadWheel, match="contains a link"):
        check(path)


@pytest.mark.parametrize("version", ["1.1", "1.0+gother"])
def test_other_version_is_refused(wheel_at, version):
    with pytest.raises(BadWheel, match=r"it is engine 1\.0, not engine"):
        check(wheel_at(), version)


def test_other_distribution_is_refused(wheel_at):
    with pytest.raises(BadWheel, match="it is evil 1"):
        check(wheel_at(name="evil"))


def test_damaged_member_is_refused(wheel_at):
    path = wheel_at(text="compiled code")
    path.write_bytes(path.read_bytes().replace(b"compiled code", b"c0mpiled code"))
    with pytest.raises(BadWheel, match=r"engine/_C\.so is damaged"):
        check(path)


def test_damaged_compressed_member_is_refused(tmp_path):
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("engine/_C.so", bytes(range(256)) * 100)
        start = wheel.getinfo("engine/_C.so").header_offset + 30 + len("engine/_C.so")
    content = bytearray(path.read_bytes())
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(BadWheel, match="not an intact zip file"):
        check(path)


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_invalid_zip_file_is_refused(wheel_at, keep):
    path = wheel_at()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadWheel, match="not an intact zip file"):
        check(path)


def test_wheel_without_metadata_is_refused(tmp_path):
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("engine/a.py", "")
    with pytest.raises(BadWheel, match="no METADATA"):
        check(path)


def test_wheel_that_would_fill_the_disk_is_refused(wheel_at, monkeypatch):
    monkeypatch.setattr("bisect_tool.wheels.archive._UNPACKED_LIMIT", 10)
    with pytest.raises(BadWheel, match="too large"):
        check(wheel_at())
