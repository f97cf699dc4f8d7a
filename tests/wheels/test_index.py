"""Choosing a wheel from metadata.json, which comes from the network and may be hostile."""

from __future__ import annotations

import json

import pytest
from packaging.tags import Tag
from wheel_server import entry

from bisect_tool.errors import ExitCode
from bisect_tool.wheels.index import BadIndex, Index, choose
from bisect_tool.wheels.tags import supported

SHA = "27066d1b2bd0dea89d617afa24da611d9a32e36a"
VERSION = "0.17.0rc1.dev12+g27066d1b2"
BASE = "https://wheels.vllm.ai/mirror"
TAGS = frozenset(
    {Tag("cp38", "abi3", "manylinux_2_28_x86_64"), Tag("cp312", "cp312", "manylinux_2_28_x86_64")}
)
X86, ARM = "cp38-abi3-manylinux_2_28_x86_64", "cp38-abi3-manylinux_2_28_aarch64"


def name(version=VERSION, tags=X86, package="vllm"):
    return f"{package}-{version}-{tags}.whl"


def chosen(*entries, variant="", tags=TAGS):
    content = json.dumps(entries).encode()
    return choose(content, Index(BASE, SHA, variant, "vllm"), tags)


def test_index_is_below_the_commit_and_the_variant():
    assert Index(BASE, SHA, "", "vllm").url == f"{BASE}/{SHA}/vllm/metadata.json"
    assert Index(BASE, SHA, "cu129", "vllm").url == f"{BASE}/{SHA}/cu129/vllm/metadata.json"


def test_path_is_relative_and_keeps_its_quoted_plus():
    wheel = chosen(entry(name()))
    assert wheel.url == f"{BASE}/{SHA}/vllm-0.17.0rc1.dev12%2Bg27066d1b2-{X86}.whl"
    assert wheel.filename == name()
    below = chosen({**entry(name()), "path": f"../../{name().replace('+', '%2B')}"}, variant="cu129")
    assert (below.url, below.variant) == (wheel.url, "cu129")


def test_entry_as_the_real_server_writes_it():
    """From the comment in vLLM's setup.py."""
    real = {
        "package_name": "vllm",
        "version": "0.11.2.dev278+gdbc3d9991",
        "build_tag": None,
        "python_tag": "cp38",
        "abi_tag": "abi3",
        "platform_tag": "manylinux1_x86_64",
        "variant": None,
        "filename": "vllm-0.11.2.dev278+gdbc3d9991-cp38-abi3-manylinux1_x86_64.whl",
        "path": "../vllm-0.11.2.dev278%2Bgdbc3d9991-cp38-abi3-manylinux1_x86_64.whl",
    }
    tag = Tag("cp38", "abi3", "manylinux1_x86_64")
    assert str(chosen(real, tags={tag}).version) == "0.11.2.dev278+gdbc3d9991"


def test_architecture_of_this_machine_is_chosen():
    entries = [entry(name(tags=ARM)), entry(name())]
    assert chosen(*entries).filename == name()
    assert chosen(*entries[:1]) is None
    assert chosen(entry(name(tags="cp311-cp311-manylinux_2_28_x86_64"))) is None
    assert chosen(entry(name(tags="cp38-abi3-manylinux_2_99_x86_64"))) is None


def test_several_variants_in_one_list_are_distinguished():
    other = {**entry(name(f"{VERSION}.cu130")), "variant": "cu130"}
    plain = entry(name())
    assert chosen(other, plain).filename == name()
    assert chosen(other) is None
    assert chosen(other, variant="cu129") is None
    assert chosen(other, variant="cu130").filename == name(f"{VERSION}.cu130")
    assert chosen(plain, variant="cu130").filename == name()  # the alias of the default variant


def test_newest_of_several_builds_and_no_other_package():
    newer = name("0.17.0rc1.dev13+g27066d1b2")
    assert chosen(entry(name()), entry(newer), entry(name("9.9", package="torch"))).filename == newer
    assert chosen(entry(name("9.9", package="torch"))) is None
    assert chosen() is None


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "//evil.example/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "ht\ttps://evil.example/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "file:///etc/passwd",
        f"/{SHA}/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../../other/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../../../../../etc/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../%2e%2e/%2e%2e/vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../..%2f..%2fvllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../%252e%252e%252fvllm-1.0-cp38-abi3-linux_x86_64.whl",
        "..\\..\\vllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../%5c..%5cvllm-1.0-cp38-abi3-linux_x86_64.whl",
        "../vllm-1.0-cp38-abi3-linux_x86_64.whl?a=1",
        "../vllm-1.0-cp38-abi3-linux_x86_64.whl#a",
        "../vllm-1.0%00-cp38-abi3-linux_x86_64.whl",
        "../vllm-1.0%0a-cp38-abi3-linux_x86_64.whl",
        "../",
        "..",
        "http://[::1",
    ],
)
def test_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(BadIndex, match="has an invalid path") as error:
        chosen({**entry(name()), "path": path})
    assert error.value.exit_code is ExitCode.ENVIRONMENT
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"{}",
        b"[1]",
        b'[{"version": 1}]',
        b'[{"version": "1", "platform_tag": "x", "path": "a\\u001b[31mb.txt"}]',
        b'[{"version": "1", "platform_tag": "x", "path": ["a"]}]',
        b"[" * 100_000,
        json.dumps([{"version": "1", "platform_tag": "x", "path": "p" * 5000}]).encode(),
        json.dumps([entry(name())] * 1001).encode(),
        b'[{"version": "1", "platform_tag": "\xff", "path": "a.whl"}]',
    ],
)
def test_invalid_list_of_wheels_is_refused_in_one_printable_line(content):
    with pytest.raises(BadIndex) as error:
        choose(content, Index(BASE, SHA, "", "vllm"), TAGS)
    assert error.value.message.isprintable()
    assert len(error.value.message) < 500


def test_tags_are_of_the_environments_python():
    found = {(tag.interpreter, tag.abi) for tag in supported("3.12")}
    assert {("cp312", "cp312"), ("cp38", "abi3"), ("py3", "none")} <= found
    assert not {("cp313", "cp313"), ("cp313", "abi3")} & found
    assert supported("3.12.4") == supported("3.12")
    assert supported("")
