import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bisect_tool.build import BuildFailed, BuildInterrupted, BuildProfile
from bisect_tool.build.cache import Entry
from bisect_tool.build.installer import unavailable
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.file_lock import lease


def test_a_failed_build_keeps_its_log_and_nothing_else(commands, place):
    program = "import sys; print('compiling'); print('\\x1b[31mundefined reference'); sys.exit(3)"
    with pytest.raises(BuildFailed, match="code 3: undefined reference") as caught:
        place.prepare(commands(program))
    assert caught.value.log == place.log
    assert "compiling" in place.log.read_text()
    working = "import sys, pathlib; pathlib.Path(sys.argv[1], 'x').touch()"
    fixed = place.prepare(commands(working))
    assert not fixed.reused
    assert (fixed.path / "x").exists()


def test_commands_run_in_order_and_in_the_tree(commands, place):
    first = "import pathlib; pathlib.Path('made').write_text('first')"
    second = "import pathlib, sys; pathlib.Path('made').rename(pathlib.Path(sys.argv[1], 'moved'))"
    environment = place.prepare(commands(first, second, env={"HERE": "{tree}"}))
    assert (environment.path / "moved").read_text() == "first"
    assert environment.variables == {"HERE": str(place.tree)}
    assert place.prepare(commands(first, second)).reused


def test_none_builds_nothing(place):
    profile = BuildProfile(provider="none", env={"PYTHONPATH": "{tree}"})
    environment = place.prepare(profile)
    assert environment.reused
    assert environment.variables == {"PYTHONPATH": str(place.tree)}


def test_a_build_that_hangs(commands, place):
    with pytest.raises(BuildFailed, match="longer than 1 s"):
        place.prepare(commands("import time; time.sleep(60)", timeout_s=1))


def test_a_cancelled_build(commands, place):
    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with pytest.raises(BuildInterrupted):
        place.prepare(commands("import time; time.sleep(60)"), cancel=cancel)
    timer.join()


def test_another_run_that_builds_the_same_is_named_at_once(commands, place):
    cancel, said = threading.Event(), []

    def waiting(sentence):
        said.append(sentence)
        cancel.set()

    lock = Entry.of(place.cache, "f").folder.with_suffix(".lock")
    with lease(lock, 0, "unused", said.append):
        lock.write_text(str(os.getppid()))
        with pytest.raises(BuildInterrupted, match="another run was building"):
            place.prepare(commands("pass"), cancel=cancel, waiting=waiting)
    (sentence,) = said
    assert sentence.startswith(f"waiting: another run builds environment f (pid {os.getppid()}, since ")
    assert not place.prepare(commands("pass")).reused


def test_no_place_for_the_environment(commands, place):
    place.cache.write_text("a file")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        place.prepare(commands("pass"))


def test_no_such_python(place, installed_by, monkeypatch):
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    profile = BuildProfile(provider="source", python="3.1")
    with pytest.raises(EnvironmentFailed, match=r"3\.1"):
        place.prepare(profile)


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """Make the one package registry a server with this status for every page.

    None: nobody listens; 0: it never answers.
    """
    servers = []
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

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{server.server_port}/simple"
        if status is None:
            server.server_close()
        else:
            threading.Thread(target=server.serve_forever, args=(0.05,)).start()
            servers.append(server)
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

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 503, None])
def test_missing_and_unreachable_are_different_things(registry, place, installed_by, status):
    registry(status)
    profile = BuildProfile(provider="overlay", wheel="engine-cpu==1.0", files=["engine/_C.so"])
    with pytest.raises(BuildFailed if status == 404 else EnvironmentFailed):
        place.prepare(profile)
    assert "engine-cpu==1.0" in place.log.read_text()


@pytest.mark.slow
def test_a_registry_that_does_not_answer(registry, place, installed_by):
    registry(0)
    profile = BuildProfile(provider="overlay", wheel="engine-cpu==1.0", files=["engine/_C.so"], timeout_s=6)
    with pytest.raises(EnvironmentFailed, match="longer than 6 s"):
        place.prepare(profile)


@pytest.mark.parametrize(
    ("output", "blamed"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", True),
        ("error: HTTP status server error (502 Bad Gateway) for url (https://x.invalid/simple/y/)", True),
        ("WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by ...", True),
        ("ERROR: No matching distribution found for engine-cpu==1.0", False),
        ("error: HTTP status client error (404 Not Found) for url (https://x.invalid/503/)", False),
        ("", False),
    ],
)
def test_who_is_to_blame(output, blamed):
    assert bool(unavailable(f"before\n{output}\nafter")) == blamed
