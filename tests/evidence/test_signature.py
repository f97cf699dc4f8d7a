"""Which failures have the same signature, and which have different ones."""

from __future__ import annotations

import pytest
from engine_logs import TREE, as_lines, traceback
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.evidence import Frame, normalise, read_events, signature_of
from bisect_tool.evidence.signature import MESSAGE_LIMIT, engine_frame, general_role, stable_path


@pytest.mark.parametrize(
    ("role", "general"),
    [
        ("EngineCore_DP1", "EngineCore"),
        ("EngineCore_0", "EngineCore"),
        ("Worker_DP0_TP1", "Worker"),
        ("Worker_PP0_TP1_EP3", "Worker"),
        ("VllmWorker-1", "Worker"),
        ("ApiServer_2", "ApiServer"),
        ("APIServer", "ApiServer"),
        ("DPCoordinator", "DPCoordinator"),
        ("Launcher", "Launcher"),
        ("Test", "Test"),
    ],
)
def test_general_role(role, general):
    assert general_role(role) == general


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("port 8000 taken after 12.5 s (pid=4711)", "port <n> taken after <n> (pid=<n>)"),
        ("tcp://127.0.0.1:29550 refused", "<url> refused"),
        ("bind on address ('0.0.0.0', 8000)", "bind on address ('<address>', <n>)"),
        ("no answer from localhost:8000", "no answer from <address>"),
        ("<Foo object at 0x7f3a2b> is bad", "<Foo object at <address>> is bad"),
        ("job 123e4567-e89b-12d3-a456-426614174000", "job <id>"),
        ("at commit 27066d1b2bd0", "at commit <n>"),
        ("No such file: '/tmp/pytest-of-u/pytest-3/x0/a.json'", "No such file: '<path>'"),
        ("open ./relative/file and ~/home", "open <path> and <path>"),
        ("segment psm_0a1b2c3d", "segment <id>"),
        ("segment vllm_123e4567-e89b-12d3-a456-426614174000", "segment vllm_<id>"),
        ("No such folder: 'tmpk3x_9abc' 'tmp.Xy12345678'", "No such folder: '<id>'"),
        ("left torch_4711_3512350917_0", "left torch"),
        ("left ('refengine-39994890-dp0',)", "left ('refengine-dp0',)"),
        ("left ('refengine-3a99b890-dp0',)", "left ('refengine-dp0',)"),
        ("left refengine_123456_dp0 refengine_1234567_dp0", "left refengine_dp0 refengine_dp0"),
        ("took 12345678.5 s", "took <n>"),
        ("pi is 3.14159265", "pi is <n>"),
        ("allocate -12345678 bytes", "allocate <n>"),
        (
            "Failed core proc(s): {'EngineCore_DP0': 1, 'EngineCore_DP1': 1}",
            "Failed core proc(s): {'EngineCore': <n>}",
        ),
        ("expected [1, 2, 3], got [4, 5]", "expected [<n>], got [<n>]"),
        ("Tried to allocate 2.00 GiB", "Tried to allocate <n>"),
        ("Tried to allocate 20.00 MiB", "Tried to allocate <n>"),
        ("[Errno 32] Broken pipe", "[Errno 32] Broken pipe"),
        ("429 Client Error: Too Many Requests", "429 Client Error: Too Many Requests"),
        ("GET /health was not 200", "GET /health was not <n>"),
        ("use bfloat16 or int8", "use bfloat16 or int8"),
        ("No module named 'vllm.v1.gone'", "No module named 'vllm.v1.gone'"),
        ("assert 'a very long text that a random model made up today' == ''", "assert <text> == ''"),
        ("", ""),
    ],
)
def test_normalise(message, normal):
    assert normalise(message) == normal


FRAGMENTS = st.sampled_from(
    [
        "/tmp/a",
        "0x1f",
        "<n>",
        "<path>",
        "127.0.0.1:80",
        "'",
        '"',
        "1",
        ", ",
        " ",
        "a_1",
        "e-",
        "_DP0",
        "psm_",
        "://",
        "GiB",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=120).map("".join)))
def test_normalise_is_idempotent_and_bounded(message):
    once = normalise(message)
    assert normalise(once) == once
    assert len(once) <= MESSAGE_LIMIT


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10**9), min_size=4, max_size=4),
    st.lists(st.integers(0, 10**9), min_size=4, max_size=4),
)
def test_normalise_ignores_numbers(one, other):
    text = "rank {} of {} at 10.0.0.1:{} took {} s"
    assert normalise(text.format(*one)) == normalise(text.format(*other))


IDS = st.one_of(
    st.text("0123456789abcdef", min_size=8, max_size=8),
    st.text("0123456789", min_size=7, max_size=64),
    st.text("abcdef", min_size=7, max_size=64),
    st.text("0123456789ABCDEF", min_size=7, max_size=64),
)


@pytest.mark.parametrize(
    "text",
    [
        "left ('refengine-{}-dp0', 'refengine-{}-dp1')",
        "left refengine_{}_dp0",
        "left refengine-0-{}",
        "left vllm_{}",
        "left {}_0",
        "left psm_{}",
        "No such segment: '/refengine-{}'",
        "refengine.{}.sock is gone",
        "request {} failed",
        "request={}, next",
        "commit {}: no such path",
        "Worker_{} died",
    ],
)
@settings(deadline=None)
@given(IDS)
def test_ids_are_normalised_whatever_their_digits(text, drawn):
    assert normalise(text.replace("{}", drawn)) == normalise(text.replace("{}", "3a99b890"))


@pytest.mark.parametrize(
    ("file", "stable"),
    [
        (f"{TREE}/vllm/v1/engine/core.py", "vllm/v1/engine/core.py"),
        ("/trees/27066d1b/vllm/v1/engine/core.py", "vllm/v1/engine/core.py"),
        ("/usr/lib/python3.12/dist-packages/vllm/v1/engine/core.py", "vllm/v1/engine/core.py"),
        ("/vllm/vllm/v1/engine/core.py", "vllm/v1/engine/core.py"),
        (f"{TREE}/refserve/core.py", "refserve/core.py"),
        ("/other/worktrees/slot-12/refserve/core.py", "refserve/core.py"),
        (f"{TREE}/check.py", "check.py"),
        ("/home/u/src/project/package/module.py", "package/module.py"),
        ("/e/lib/python3.11/site-packages/torch/nn/a.py", "torch/nn/a.py"),
        ("module.py", "module.py"),
    ],
)
def test_stable_path(file, stable):
    assert stable_path(file) == stable


def frames(*files: str) -> tuple[Frame, ...]:
    return tuple(Frame(file=file, line=1, function="f") for file in files)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("<string>", f"{TREE}/vllm/a.py", "/e/lib/python3.11/site-packages/torch/b.py"), "vllm/a.py:f"),
        (("/e/bin/vllm", f"{TREE}/vllm/a.py", "/usr/lib/python3.11/json/decoder.py"), "vllm/a.py:f"),
        (
            ("/e/lib/python3.11/site-packages/vllm/a.py", "/e/lib/python3.11/site-packages/torch/b.py"),
            "vllm/a.py:f",
        ),
        ((f"{TREE}/vllm/a.py", "uvloop/loop.pyx", "<frozen runpy>"), "vllm/a.py:f"),
        (
            ("/e/lib/python3.11/site-packages/torch/b.py", "/usr/lib/python3.11/json/decoder.py"),
            "torch/b.py:f",
        ),
        (("/usr/lib/python3.11/json/decoder.py",), ""),
        (("/s/test_lb.py", "/tool/pytest_plugin/server_group.py"), "s/test_lb.py:f"),
        ((), ""),
    ],
)
def test_engine_frame(files, expected):
    assert engine_frame(frames(*files)) == expected


def signature(tree: str, line: int, raised: str):
    (event,) = read_events(
        as_lines(traceback((f"{tree}/vllm/v1/engine/core.py", line, "run"), raised=raised))
    )
    return signature_of(event)


def test_same_failure_in_two_trees_has_one_signature():
    one = signature(TREE, 10, "ValueError: no block 7 in /dev/shm/psm_1234abcd at 0xdead")
    two = signature(
        "/mnt/ci/worktrees/abc/slot-3", 99, "ValueError: no block 12 in /dev/shm/psm_99 at 0xbeef"
    )
    assert one == two
    assert str(one) == "ValueError: no block <n> in <path> at <address> (vllm/v1/engine/core.py:run)".join(
        ["Launcher: ", ""]
    )


@pytest.mark.parametrize(
    "raised",
    [
        "ValueError: no slot 7",
        "KeyError: 'block'",
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 24] Too many open files",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "ModuleNotFoundError: No module named 'a'",
        "ModuleNotFoundError: No module named 'b'",
        "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://hub/x",
    ],
)
def test_different_failures_differ(raised):
    assert signature(TREE, 10, raised) != signature(TREE, 10, "ValueError: no block 7")
