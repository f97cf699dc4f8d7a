"""A program that misbehaves in the way its first argument names; only the standard library."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SELF = [sys.executable, "-I", "-S", __file__]


def fork(work):
    """A child that does `work` and then ends; returns its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def sleep(words=""):
    if words:
        print_line(words)
    while True:
        time.sleep(1000)


def print_line(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def wait_for(path):
    while not Path(path).exists():
        time.sleep(0.005)


def daemon(work=sleep):
    """Doubly forked, in its own session, as daemons are."""

    def first():
        os.setsid()
        fork(work)

    os.waitpid(fork(first), 0)


def own_session():
    fork(lambda: (os.setsid(), sleep()))


def deaf(words=""):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sleep(words)


def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)
    sleep()


def stopped_and_deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stopped()


def orphan():
    fork(sleep)


def escape():
    own_session()
    daemon()
    daemon(own_session)


def stubborn():
    wait_until_stopped([fork(work) for work in (stopped, stopped_and_deaf)])
    # Children inherit ignored signals: these ignore SIGTERM from the start.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGHUP)}
    fork(sleep)
    daemon()
    for number, handler in before.items():
        signal.signal(number, handler)


def wait_until_stopped(pids):
    """Wait until SIGSTOP has arrived; otherwise the test would be void."""
    for pid in pids:
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.005)


def tree():
    """All faults at once, without end; starts a new generation every 10 ms."""
    stubborn()
    escape()
    print_line("ready")
    while True:
        daemon(lambda: time.sleep(0.5))
        time.sleep(0.01)


def chaser():
    """Short-lived processes: each generation forks the next one and ends.

    It ends after a minute, long after its test has failed, because it cannot be killed by pid.
    """
    ends = time.monotonic() + 60

    def run():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while time.monotonic() < ends:
            if os.fork():
                os._exit(0)

    daemon(run)


def short_grandchildren(count="500"):
    """Each is orphaned at once and ends by itself; only the guardian can reap it."""
    for _ in range(int(count)):
        os.waitpid(fork(lambda: fork(lambda: None)), 0)
    print_line(f"guardian {os.getppid()}")
    sleep()


def flood(megabytes):
    """Many lines, one line without an end, bytes that are no text; prints the time of the slowest write."""
    block = b"".join(b"line %07d %s\n" % (n, b"x" * 115) for n in range(8200))[: 1 << 20]
    slowest = 0.0
    os.write(1, b"the first line\n")
    blocks = [block] * int(megabytes) + [b"y" * (1 << 20)] * 64 + [b"\n", b"\xff\xfe\x80 not text\n"]
    for data in blocks:
        began = time.monotonic()
        os.write(1, data)
        slowest = max(slowest, time.monotonic() - began)
    print_line(f"guardian {peak_memory(os.getppid())} kB")
    print_line(f"slowest write {slowest:.3f} s")


def peak_memory(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))


def keep_stdout():
    subprocess.Popen([*SELF, "sleep"], start_new_session=True)
    print_line("root is done")


def listen(port="0", gate=""):
    """A server that outlives its root."""
    server = socket.create_server(("127.0.0.1", int(port)))
    fork(lambda: (os.setsid(), sleep()))
    print_line(f"port {server.getsockname()[1]}")
    if gate:
        wait_for(gate)


def leak_shm(*names):
    """Entries of /dev/shm whose creator ends without removing them and without output."""
    for name in names:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, b"x" * 4096)
    await_record(names)


def await_record(names, file="shm.jsonl"):
    """Wait, with a limit, until the guardian has recorded these words, such as entries of ours."""
    record, ends = Path(file), time.monotonic() + 30
    while time.monotonic() < ends:
        if record.exists() and all(name in record.read_text() for name in names):
            return
        time.sleep(0.005)


def leak_shm_at_gate(gate, name):
    leak_shm(name)
    wait_for(gate)


def leak_mapped_shm(name):
    """An entry that is only mapped, not open."""
    import mmap

    descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(descriptor, 4096)
    memory = mmap.mmap(descriptor, 4096)
    os.close(descriptor)
    await_record([name])
    memory.close()


def endless():
    while True:
        print_line("x" * 100)
        time.sleep(0.001)


def busy_logs(folder, count):
    files = [os.open(f"{folder}/rank{number}.log", os.O_WRONLY | os.O_CREAT) for number in range(int(count))]
    print_line(f"guardian {os.getppid()}")
    while True:
        for file in files:
            os.write(file, b"a line\n")
        time.sleep(0.01)


def tick(seconds="0.15", count="6"):
    for number in range(int(count)):
        print_line(f"tick {number} {time.time():.3f}")
        if number == 0:
            await_record((), "logs/suite.log.times")
        time.sleep(float(seconds))


def leave(code="0"):
    os._exit(int(code))


def kill_guardian():
    """As an out-of-memory killer might."""
    stubborn()
    escape()
    print_line("ready")
    time.sleep(0.5)
    os.kill(os.getppid(), signal.SIGKILL)
    sleep()


def kill_guardian_at_once():
    escape()
    os.kill(os.getppid(), signal.SIGKILL)
    sleep()


def signal_guardian(number):
    escape()
    os.kill(os.getppid(), int(number))
    sleep()


def print_environment():
    print_line(os.environ["A_SECRET"])


def nested():
    """Run the stand-in for the command line in this process, on a tree that never ends."""
    here = Path(__file__).parent
    sys.path.append(str(here.parents[1]))
    from bisect_tool.supervise.guardian_protocol import GuardianSpec

    spec = GuardianSpec(
        argv=(*SELF, "tree"),
        cwd=Path.cwd(),
        env={},
        stdout=Path.cwd() / "inner.log",
        watch=Path.cwd() / "inner",
        folder=Path.cwd() / "inner",
        deadline_s=60,
    )
    request = Path("inner.json")
    request.write_text(spec.to_json())
    env = {**os.environ, "PYTHONPATH": str(here.parents[1])}
    subprocess.run([sys.executable, str(here / "stand_in.py"), str(request)], env=env, check=False)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
