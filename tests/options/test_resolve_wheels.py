"""Server, variant and torch version are chosen once for a range, from the wheels of its ends."""

from __future__ import annotations

import os
import subprocess

import pytest
from made_wheels import make_wheel
from wheel_server import entry, serving_wheels

from bisect_tool.build import fingerprint
from bisect_tool.checks import CommandCheck, SuiteCheck
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git import Repository
from bisect_tool.mode import Bisect
from bisect_tool.options.resolve_wheels import profile_of, resolve_wheels
from bisect_tool.request import Request
from bisect_tool.wheels.settings import ChosenWheels

SCENARIO = """
name = "own"
description = "an engine with wheels of each commit"
suite = "test_a.py"

[profiles.gpu.build]
provider = "source"
native = ["csrc"]

[profiles.gpu.build.commit_wheels]
url = "{url}"
package = "engine"
variants = {variants}
torch_file = "cuda.txt"

[profiles.gpu.launch]
command = ["engine"]
model = "m"

[profiles.plain.build]
provider = "source"

[profiles.plain.launch]
command = ["engine"]
model = "m"
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("bisect_tool.wheels.client.pause", lambda _: None)
    with serving_wheels() as found:
        yield found


@pytest.fixture
def commits(tmp_path):
    """A repository of four commits: a native change in the third, torch 2.10 in all but the first."""
    folder = tmp_path / "engine"
    folder.mkdir()
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}

    def git(*args):
        done = subprocess.run(("git", *args), cwd=folder, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    shas = []
    for text, native in (
        ("torch==2.9.1", "1"),
        ("torch==2.10.0", "1"),
        ("torch==2.10.0 # new", "2"),
        ("-r common.txt\ntorch==2.10.0", "2"),
    ):
        (folder / "cuda.txt").write_text(text)
        (folder / "csrc").write_text(native)
        git("add", "-A")
        git("commit", "-q", "-m", "change")
        shas.append(git("rev-parse", "HEAD"))
    return Repository.open(str(folder), tmp_path / "clones"), shas


@pytest.fixture
def request_for(tmp_path, server, commits):
    """A bisection between two of the commits, by number."""

    def make(good=1, bad=3, profile="gpu", variants='["cu130", "cu129"]'):
        (tmp_path / "scenario.toml").write_text(SCENARIO.format(url=server.url, variants=variants))
        (tmp_path / "test_a.py").touch()
        shas = commits[1]
        mode = Bisect(goods=(shas[good],))
        return Request(
            mode=mode, repo="r", bad=shas[bad], check=SuiteCheck(), scenario=str(tmp_path), profile=profile
        )

    return make


@pytest.fixture
def choose(commits, request_for):
    def run(requested=None, notice=lambda _: None, **ends):
        return resolve_wheels(requested, request_for(**ends), commits[0], notice)

    return run


@pytest.fixture
def publish(server, commits, tmp_path):
    """Publish a wheel of a commit, by number, for variants."""
    wheel = make_wheel(tmp_path / "made", "engine", "1.0", {"engine/_C.so": ""})

    def run(number, *variants):
        server.publish(commits[1][number], wheel, *variants)

    return run


@pytest.mark.parametrize(
    ("published", "variant"),
    [
        ({1: ["cu129", "cu130"], 3: ["cu129", "cu130"]}, "cu130"),  # the preferred one
        ({1: ["cu129"], 3: ["cu129", "cu130"]}, "cu129"),  # the one that both ends have
        ({1: ["cu129"], 2: ["cu129"], 3: ["cu130"]}, "cu129"),  # of the bad end's ancestor
        ({1: ["cu130"], 3: ["cu130"]}, "cu130"),  # as since v0.30
        ({}, "cu130"),
    ],
)
def test_variant_is_the_one_that_most_ends_have(choose, publish, published, variant):
    for number, variants in published.items():
        publish(number, *variants)
    assert choose().variant == variant


def test_variant_of_the_default_index_is_preferred_to_another(choose, publish):
    for number in (1, 3):
        publish(number, "cu129", "")
        publish(number, "cu129", "cu130")
    assert choose(variants='["cu129", "cu130"]').variant == "cu129"


def test_default_index_decides_between_variants_that_both_ends_have(
    choose, server, commits, publish, tmp_path
):
    other = make_wheel(tmp_path / "other", "engine", "1.1", {"engine/_C.so": ""})
    for number in (1, 3):
        publish(number, "cu130")
        server.publish(commits[1][number], other, "cu129", "")
    assert choose().variant == "cu129"


def test_variant_that_the_driver_cannot_run_is_left_out(choose, publish, monkeypatch):
    monkeypatch.setattr("bisect_tool.options.resolve_wheels.cuda_version", lambda: (12, 8))
    for number in (1, 3):
        publish(number, "cu130")
    assert choose().variant == "cu129"


def test_single_variant_needs_no_request(choose, server):
    notices = []
    chosen = choose(variants='["cu129"]', notice=notices.append)
    assert chosen == ChosenWheels(url=server.url, variant="cu129", torch="2.10.0")
    assert notices == [f"wheels of each commit: {server.url}, variant cu129, torch 2.10.0"]
    assert server.seen == []


def test_ends_of_different_torch_are_refused(choose, commits):
    shas = commits[1]
    with pytest.raises(
        UsageError, match=rf"{shas[0][:9]} needs torch 2\.9\.1, and {shas[3][:9]} needs torch 2\.10\.0"
    ):
        choose(good=0)


def test_none_builds_from_source_without_a_request(choose, server, request_for):
    assert choose("none") is None
    assert choose("none", good=0) is None
    assert server.seen == []
    assert profile_of(request_for()).build.commit_wheels is None


def test_url_of_the_option_replaces_that_of_the_profile(choose, server):
    assert choose(f"{server.url}/mirror/").url == f"{server.url}/mirror"
    assert {path.split("/")[1] for path, *_ in server.seen} == {"mirror"}


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "https://", "https://a:b@host/w", "https://host/?x=1", "wheels.vllm.ai", "https://h:x"],
)
def test_invalid_url_is_rejected_without_its_password(choose, url):
    with pytest.raises(UsageError) as error:
        choose(url)
    assert "a:b" not in error.value.message


def test_option_without_commit_wheels_is_refused(choose, commits, request_for):
    with pytest.raises(UsageError, match="needs a profile with `commit_wheels`"):
        choose("https://host", profile="plain")
    command = request_for().model_copy(
        update={"check": CommandCheck(argv=("a",)), "scenario": None, "profile": None}
    )
    with pytest.raises(UsageError, match="--wheel-url"):
        resolve_wheels("https://host", command, commits[0], print)
    assert resolve_wheels(None, command, commits[0], print) is None


def test_failing_server_is_infrastructure(choose, server, commits):
    server.faults[f"/{commits[1][3]}/cu130/engine/metadata.json"] = [503] * 9
    with pytest.raises(EnvironmentFailed, match="HTTP 503"):
        choose()


def test_environment_depends_on_the_variant_not_on_the_mirror(commits, request_for):
    def name(**chosen):
        wheels = ChosenWheels(**{"url": "http://a", "variant": "cu130", "torch": "2.10.0", **chosen})
        profile = profile_of(request_for().model_copy(update={"wheels": wheels}))
        return fingerprint(commits[0], commits[1][3], profile.build)

    assert name() == name(url="http://mirror")
    assert len({name(), name(variant="cu129"), name(torch="2.11.0")}) == 3


def test_index_entry_names_are_those_of_the_real_server():
    name = "engine-0.17.0rc1.dev5+g27066d1b2.cu129-cp38-abi3-manylinux1_x86_64.whl"
    assert entry(name)["path"] == f"../{name.replace('+', '%2B')}"
