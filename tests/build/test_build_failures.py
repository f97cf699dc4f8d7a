import os
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bisect_tool.build import BuildFailed, BuildInterrupted, BuildProfile
from bisect_tool.build.cache import Entry
from bisect_tool.build.installer import unavailable
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.file_lock import lease

pytestmark = pytest.mark.usefixtures("copied_environments")


def test_failed_build_keeps_only_its_log(commands, build_paths):
    program = "import sys; print('compiling'); print('\\x1b[31mundefined reference'); sys.exit(3)"
    with pytest.raises(BuildFailed, match="code 3: undefined reference") as caught:
        build_paths.prepare(commands(program))
    assert caught.value.log == build_paths.log
    assert "compiling" in build_paths.log.read_text()
    working = "import sys, pathlib; pathlib.Path(sys.argv[1], 'x').touch()"
    fixed = build_paths.prepare(commands(working))
    assert not fixed.reused
    assert (fixed.path / "x").exists()


def test_commands_run_in_order_in_the_tree(commands, build_paths):
    first = "import pathlib; pathlib.Path('made').write_text('first')"
    second = "import pathlib, sys; pathlib.Path('made').rename(pathlib.Path(sys.argv[1], 'moved'))"
    environment = build_paths.prepare(commands(first, second, env={"HERE": "{tree}"}))
    assert (environment.path / "moved").read_text() == "first"
    assert environment.variables == {"HERE": str(build_paths.tree)}
    assert build_paths.prepare(commands(first, second)).reused


def test_none_builds_nothing(build_paths):
    profile = BuildProfile(provider="none", env={"PYTHONPATH": "{tree}"})
    environment = build_paths.prepare(profile)
    assert environment.reused
    assert environment.variables == {"PYTHONPATH": str(build_paths.tree)}


def test_build_that_hangs_times_out(commands, build_paths):
    with pytest.raises(BuildFailed, match="longer than 1 s"):
        build_paths.prepare(commands("import time; time.sleep(60)", timeout_s=1))


def test_cancelled_build(commands, build_paths):
    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with pytest.raises(BuildInterrupted):
        build_paths.prepare(commands("import time; time.sleep(60)"), cancel=cancel)
    timer.join()


def test_another_run_that_builds_the_same_environment_is_reported_at_once(commands, build_paths):
    cancel, messages = threading.Event(), []

    def on_wait(message):
        messages.append(message)
        cancel.set()

    lock = Entry.of(build_paths.cache, "f").folder.with_suffix(".lock")
    with lease(lock, 0, "unused", messages.append):
        lock.write_text(str(os.getppid()))
        with pytest.raises(BuildInterrupted, match="another run was building"):
            build_paths.prepare(commands("pass"), cancel=cancel, on_wait=on_wait)
    (message,) = messages
    assert message.startswith(f"waiting: another run is building environment f (pid {os.getppid()}, since ")
    assert not build_paths.prepare(commands("pass")).reused


def test_cache_that_cannot_be_written(commands, build_paths):
    build_paths.cache.write_text("a file")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        build_paths.prepare(commands("pass"))


def test_missing_python_is_an_environment_error(build_paths, installed_by, monkeypatch):
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    profile = BuildProfile(provider="source", python="3.1")
    with pytest.raises(EnvironmentFailed, match=r"3\.1"):
        build_paths.prepare(profile)


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """Use a server that answers every request with this status as the only package registry.

    None: no server listens; 0: it never answers.
    """
    over = threading.Event()

    def start(status: int | None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if status == 0:
                    over.wait(60)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        server.server_bind()  # the port is reserved, but nothing listens
        ends.enter_context(server)
        url = f"http://127.0.0.1:{server.server_port}/simple"
        if status is not None:
            server.server_activate()
            threading.Thread(target=server.serve_forever, args=(0.05,)).start()
            ends.callback(server.shutdown)
        for name in (
            "PIP_EXTRA_INDEX_URL",
            "PIP_FIND_LINKS",
            "UV_INDEX",
            "UV_FIND_LINKS",
            "UV_EXTRA_INDEX_URL",
        ):
            monkeypatch.delenv(name, raising=False)
        settings = {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": url,
            "PIP_RETRIES": "0",
            "UV_NO_CONFIG": "1",
            "UV_DEFAULT_INDEX": url,
            "UV_HTTP_RETRIES": "0",
            "UV_CACHE_DIR": str(tmp_path / "uv"),
            "NO_PROXY": "127.0.0.1",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    with ExitStack() as ends:
        yield start
        over.set()


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 503, None])
def test_missing_wheel_and_unreachable_registry_are_different_errors(
    registry, build_paths, installed_by, status
):
    registry(status)
    profile = BuildProfile(provider="overlay", wheel="engine-cpu==1.0", files=["engine/_C.so"])
    with pytest.raises(BuildFailed if status == 404 else EnvironmentFailed):
        build_paths.prepare(profile)
    assert "engine-cpu==1.0" in build_paths.log.read_text()


@pytest.mark.slow
def test_registry_that_does_not_answer(registry, build_paths, installed_by):
    registry(0)
    profile = BuildProfile(provider="overlay", wheel="engine-cpu==1.0", files=["engine/_C.so"], timeout_s=6)
    with pytest.raises(EnvironmentFailed, match="longer than 6 s"):
        build_paths.prepare(profile)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", True),
        ("error: HTTP status server error (502 Bad Gateway) for url (https://x.invalid/simple/y/)", True),
        ("WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by ...", True),
        ("ERROR: No matching distribution found for engine-cpu==1.0", False),
        ("error: HTTP status client error (404 Not Found) for url (https://x.invalid/503/)", False),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", True),
        ("error: command 'gcc' failed with exit code 1", False),
        ("error: can't find Rust compiler", True),
        ("", False),
    ],
)
def test_unavailable_recognises_errors_of_index_and_disk(output, expected):
    assert bool(unavailable(f"before\n{output}\nafter")) == expected


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("no-such-program", EnvironmentFailed),
        ("/no/such/program", EnvironmentFailed),
        ("./configure", BuildFailed),
        ("tools/configure", BuildFailed),
        ("{tree}/configure", BuildFailed),
        ("{out}/tool", BuildFailed),
    ],
)
def test_missing_program_is_the_commit_s_fault_only_if_it_belongs_to_the_commit(program, error, build_paths):
    with pytest.raises(error, match=r"does not exist|not found"):
        build_paths.prepare(BuildProfile(provider="command", command=[[program]]))
