"""Failures of child processes: killed for their memory, ended by a library, or raised from another one."""

from __future__ import annotations

from benchmarks.evidence.families.maker import Maker, Process


def killed(maker: Maker) -> tuple[list[Process], str]:
    """The kernel or Ray kills a process when memory runs out."""
    system, driver = Process("system"), Process("driver")
    kernel = f"Out of memory: Killed process {maker.pid} (python3) total-vm:104857600kB, anon-rss:52428800kB"
    head = f"(raylet) [{maker.clock(8, '%Y-%m-%d %H:%M:%S')[:19]},117 E 7 7] (raylet) node_manager.cc:3069:"
    text, root = maker.chance.choice(
        (
            (f"[12345.678901] {kernel}", "Out of memory: Killed process"),
            (f"{head} 1 Workers (tasks / actors) killed due to memory pressure (OOM)", "memory pressure"),
        )
    )
    system.print(8.0, text)
    raised = maker.chance.choice(
        (
            "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.",
            "concurrent.futures.process.BrokenProcessPool: A process in the pool was terminated abruptly",
        )
    )
    driver.print(11.0, *maker.raised(raised, "proj/main.py"))
    return [system, driver], root


def native(maker: Maker) -> tuple[list[Process], str]:
    """A library aborts the process, and its parent reports the signal."""
    engine, parent = Process("engine"), Process("parent")
    crash = maker.chance.choice(
        (
            "free(): invalid pointer",
            "double free or corruption (!prev)",
            "/src/ggml/ggml.c:1234: GGML_ASSERT(ne00 == ne10) failed",
            "python: /src/lib.cpp:12: void f(): Assertion `n > 0' failed.",
            "thread 'main' panicked at src/main.rs:3:5: index out of bounds",
            "F0306 07:02:20.000000 77 engine.cc:12] Check failed: n == m (3 vs. 4)",
        )
    )
    engine.print(8.0, crash)
    parent.print(10.0, *maker.raised(f"RuntimeError: worker {maker.pid} died, exit code: -6", "proj/pool.py"))
    root = crash.partition("] ")[2] or crash
    return [engine, parent], root


def chained(maker: Maker) -> tuple[list[Process], str]:
    """An exception raised from another one, and the parent's report about its child."""
    child, parent = Process("child"), Process("parent")
    cause = maker.raised(maker.cause, "proj/load.py")
    effect = maker.raised("RuntimeError: the model could not be loaded", "proj/model.py")
    explicit = "The above exception was the direct cause of the following exception:"
    child.print(5.0, *cause, "", explicit, "", *effect)
    parent.print(
        7.0,
        *maker.raised(
            "subprocess.CalledProcessError: Command '['python', 'load.py']' returned non-zero exit status 1.",
            "proj/run.py",
        ),
    )
    return [child, parent], maker.cause
