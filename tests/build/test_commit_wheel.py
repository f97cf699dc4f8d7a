"""A build uses the commit's own wheel, else an ancestor's, else compiles; the server is a local one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from made_wheels import make_wheel
from wheel_server import serving_wheels

from bisect_tool.build import BuildFailed, BuildProfile, lineage
from bisect_tool.build.build import Build
from bisect_tool.build.commit_wheel import used_wheel, wheel_variables
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.git import Repository
from bisect_tool.wheels.lineage import Lineage

TIP, PARENT, OLDER = "c" * 40, "b" * 40, "a" * 40


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("bisect_tool.wheels.client.pause", lambda _: None)
    with serving_wheels() as found:
        yield found


@pytest.fixture
def job(tmp_path, server):
    """A build of a commit and its ancestors with the same native files."""

    def make(*shas, committed=0.0, **settings):
        env = {"USE_PRECOMPILED": "1", "WHEEL_LOCATION": "{wheel}"}
        wheels = {"url": server.url, "package": "engine", "env": env, **settings}
        profile = BuildProfile(provider="source", commit_wheels=wheels)
        folder, tree = tmp_path / "cache" / "environments" / "f", tmp_path / "tree"
        for each in (folder, tree):
            each.mkdir(parents=True, exist_ok=True)
        log = tmp_path / "build.log"
        log.touch()
        records, known = tmp_path / "records", Lineage(shas, committed)
        return Build(tree, folder, profile, log, "token", records, time.monotonic() + 60, lineage=known)

    return make


@pytest.fixture
def wheel(tmp_path):
    def make(version="1.0", *requires, text="compiled"):
        return make_wheel(tmp_path / "made", "engine", version, {"engine/_C.so": text}, requires=requires)

    return make


def used(job):
    """The commit whose wheel a build uses; None if it compiles."""
    with wheel_variables(job) as variables:
        if not variables:
            return None
        assert variables["USE_PRECOMPILED"] == "1"
        assert Path(variables["WHEEL_LOCATION"]).is_file()
        return Path(variables["WHEEL_LOCATION"]).parent.name


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ((TIP, PARENT, OLDER), TIP),
        ((PARENT, OLDER), PARENT),
        ((OLDER,), OLDER),
        (("d" * 40,), None),
        ((), None),
    ],
)
def test_own_wheel_else_nearest_ancestor_else_source(server, job, wheel, published, expected):
    for sha in published:
        server.publish(sha, wheel())
    assert used(job(TIP, PARENT, OLDER)) == expected


def test_wheel_is_recorded_in_environment_and_log(server, job, wheel):
    server.publish(PARENT, wheel(), "cu129")
    build = job(TIP, PARENT, variants=["cu129"])
    assert used(build) == PARENT
    record = used_wheel(build.folder.parents[1], build.folder.name)
    assert (record.commit, record.variant, record.torch) == (PARENT, "cu129", "")
    assert record.sha256 in build.log.read_text()
    assert used_wheel(build.folder.parents[1], "other") is None
    assert "nearest ancestor with the same native files" in build.log.read_text()


def test_second_build_downloads_nothing(server, job, wheel):
    path = server.publish(TIP, wheel())
    assert used(job(TIP)) == used(job(TIP)) == TIP
    assert len(server.requested(path)) == 1


def test_missing_listed_wheel_is_skipped(server, job, wheel):
    del server.files[server.publish(TIP, wheel())]
    server.publish(PARENT, wheel())
    assert used(job(TIP, PARENT)) == PARENT


def test_damaged_wheel_is_skipped(server, job, wheel):
    path = server.publish(TIP, wheel())
    server.files[path] = server.files[path][:-30] + bytes(30)
    server.publish(PARENT, wheel())
    build = job(TIP, PARENT)
    assert used(build) == PARENT
    assert "cannot be used" in build.log.read_text()
    server.publish(TIP, wheel())
    assert used(job(TIP, PARENT)) == TIP, "a damaged download counts as other content"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_failing_server_is_infrastructure(server, job, wheel, status):
    server.publish(PARENT, wheel())
    server.faults[f"/{TIP}/engine/metadata.json"] = [status] * 9
    with pytest.raises(EnvironmentFailed, match=f"HTTP {status}"), wheel_variables(job(TIP, PARENT)):
        pytest.fail("an ancestor's wheel was used although the commit may have its own")


@pytest.mark.parametrize(
    ("minutes", "part"),
    [
        (12, "no wheel is published yet for ccccccccc: the commit is 12 minutes old, and a wheel"),
        (600, "no wheel is published for ccccccccc)"),
    ],
)
def test_failed_compilation_mentions_the_missing_wheel(job, minutes, part):
    build = job(TIP, committed=time.time() - minutes * 60)
    with pytest.raises(BuildFailed) as error, wheel_variables(build):
        raise BuildFailed("nvcc is missing", build.log, "pip", 1)
    assert part in error.value.message
    assert "nvcc is missing" in error.value.message
    assert error.value.code == 1


def test_commit_of_another_torch_is_skipped(server, job, wheel):
    server.publish(TIP, wheel("1.0", "torch==2.10.0"))
    build = job(TIP, torch_file="cuda.txt", torch="2.10.0")
    (build.tree / "cuda.txt").write_text("numba == 1\ntorch==2.9.1 # pinned\n")
    with (
        pytest.raises(BuildFailed, match=r"needs torch 2\.9\.1.*with torch 2\.10\.0"),
        wheel_variables(build),
    ):
        pytest.fail("it was built")
    (build.tree / "cuda.txt").write_text("torch==2.10.0")
    assert used(build) == TIP


def test_wheel_of_another_torch_is_skipped(server, job, wheel):
    server.publish(TIP, wheel("1.1", "torch==2.11.0"))
    server.publish(PARENT, wheel("1.0", "torch==2.10.0"))
    build = job(TIP, PARENT, torch_file="cuda.txt", torch="2.10.0")
    (build.tree / "cuda.txt").write_text("torch==2.10.0")
    assert used(build) == PARENT
    assert "needs torch 2.11.0" in build.log.read_text()


def test_torch_file_outside_of_the_tree_is_not_read(job, tmp_path):
    build = job(TIP, torch_file="cuda.txt", torch="2.10.0")
    (tmp_path / "secret").write_text("torch==2.10.0")
    (build.tree / "cuda.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(BuildFailed, match="no pinned torch"), wheel_variables(build):
        pytest.fail("it was built")


def test_build_without_commit_wheels_sends_no_request(server, job):
    from dataclasses import replace

    assert used(replace(job(TIP), lineage=None)) is None
    assert server.seen == []


def test_lineage_ends_with_the_commit_that_changed_a_native_file(repository, tmp_path):
    shas = [
        repository({"csrc/a": "1"}),
        repository({"csrc/a": "2"}),
        repository({"docs": "1"}),
        repository({"docs": "2"}),
    ]
    profile = BuildProfile(
        provider="source", native=("csrc",), commit_wheels={"url": "http://mirror", "package": "engine"}
    )
    opened = Repository.open(str(repository.path), tmp_path / "clones")
    found = lineage(opened, shas[3], profile)
    assert found.shas == (shas[3], shas[2], shas[1])
    assert abs(found.committed - time.time()) < 3600
    assert lineage(opened, shas[0], profile).shas == (shas[0],)
    assert lineage(opened, shas[3], profile.model_copy(update={"commit_wheels": None})) is None
