from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.search import prior
from bisect_tool.search.file_kind import FileKind, kind_of
from bisect_tool.search.prior import Change, Suspicion, traits, weights, with_culprits

PLAIN = ("vllm/config.py", "vllm/envs.py")


def change(*files: str, subject: str = "Say hello", parents: int = 1, sha: str = "a") -> Change:
    return Change(sha, subject, files, parents)


def beside_plain(suspect: Change, **named: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
    """The weight of a commit relative to one without any trait, and its reasons."""
    first, second = weights([suspect, change(*PLAIN)], **named)
    assert second.reasons == ()
    return first.weight / second.weight, first.reasons


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("docs/usage/faq.md", FileKind.DOCS),
        ("README.md", FileKind.DOCS),
        ("LICENSE", FileKind.DOCS),
        ("src/docs_reader.py", FileKind.SOURCE),
        ("tests/v1/test_core.py", FileKind.TESTS),
        ("vllm/test_utils.py", FileKind.TESTS),
        ("pkg/server_test.go", FileKind.TESTS),
        ("conftest.py", FileKind.TESTS),
        ("vllm/latest_model.py", FileKind.SOURCE),
        (".github/workflows/ci.yml", FileKind.CI),
        (".buildkite/test-pipeline.yaml", FileKind.CI),
        (".pre-commit-config.yaml", FileKind.CI),
        ("pkg/.hidden.py", FileKind.SOURCE),
        ("examples/offline.py", FileKind.TOOLING),
        ("vllm/benchmarks/serve.py", FileKind.TOOLING),
        ("tools/release.py", FileKind.TOOLING),
        ("vllm/tools/calls.py", FileKind.SOURCE),
        ("csrc/ops.cu", FileKind.NATIVE),
        ("rust/src/lib.rs", FileKind.NATIVE),
        ("CMakeLists.txt", FileKind.BUILD),
        ("requirements/cuda.txt", FileKind.BUILD),
        ("requirements-dev.txt", FileKind.BUILD),
        ("docker/Dockerfile.rocm", FileKind.BUILD),
        ("pyproject.toml", FileKind.BUILD),
        ("vllm/v1/engine/core.py", FileKind.SOURCE),
        ("vllm/kernels/config.json", FileKind.SOURCE),
    ],
)
def test_kind_of_a_file_follows_from_its_path(path, kind):
    assert kind_of(path) is kind


@pytest.mark.parametrize(
    ("suspect", "found"),
    [
        (change("docs/a.md", "README.md"), ("docs",)),
        (change("tests/a.py", "docs/a.md"), ("tests",)),
        (change(".github/a.yml", "tests/a.py"), ("tests",)),
        (change(".github/a.yml", "docs/a.md"), ("ci",)),
        (change("examples/a.py", "docs/a.md"), ("tooling",)),
        (change(), ("empty",)),
        (change(parents=2), ("merge",)),
        (change("a.py", parents=2), ("one_file",)),
        (change(*PLAIN), ()),
        (change("vllm/envs.py", "tests/a.py", "docs/a.md"), ("one_file",)),
        (change("vllm/models/llama.py", "vllm/models/opt.py"), ("plug_in",)),
        (change("vllm/models/llama.py", "vllm/envs.py"), ()),
        (change("vllm/platforms/rocm.py"), ("other_hardware",)),
        (change("vllm/platforms/procmon.py"), ("one_file",)),
        (change("csrc/ops.cu", "setup.py"), ("native_or_build",)),
        (change("csrc/ops.cu", "vllm/envs.py"), ()),
        (change(*PLAIN, subject="[Perf] Fuse two kernels"), ("performance",)),
        (change(*PLAIN, subject="[Bugfix] Say hello"), ("fix_or_chore",)),
        (change(*PLAIN, subject="Prefix a suffix"), ()),
        (change("docs/a.md", subject="[Perf] Say it"), ("docs",)),
    ],
)
def test_a_commit_has_the_traits_of_its_files_and_subject(suspect, found):
    assert traits(suspect) == found


def test_every_trait_has_a_factor_and_a_phrase():
    factors = prior.default_factors()
    assert {*prior.LEARNT, "docs", "tests", "tooling", "ci", "empty", "merge"} | {"frames", "paths"} == set(
        factors
    )
    assert all(factor > 0 for factor in factors.values())
    assert set(prior._PHRASES) == set(factors) - {"frames", "paths"}


def test_documentation_has_little_weight_but_is_not_ruled_out():
    ratio, reasons = beside_plain(change("docs/a.md"))
    assert 0 < ratio < 0.05
    assert reasons == ("docs only",)


def test_weights_are_in_the_order_of_the_changes_and_average_one():
    found = weights([change("docs/a.md", sha="x"), change(*PLAIN, sha="y"), change("csrc/a.cu", sha="z")])
    assert [each.sha for each in found] == ["x", "y", "z"]
    assert sum(each.weight for each in found) == pytest.approx(3)


def test_empty_range_has_no_weights():
    assert weights([]) == ()


def test_identical_commits_have_average_weight():
    assert weights([change("docs/a.md", sha="x")] * 3) == (Suspicion("x", 1.0, ("docs only",)),) * 3


@pytest.mark.parametrize(
    ("file", "frame"),
    [
        ("vllm/v1/core.py", "vllm/v1/core.py"),
        ("vllm/v1/core.py", "/env/lib/python3.12/site-packages/vllm/v1/core.py"),
        ("vllm/v1/core.py", "C:\\trees\\1\\vllm\\v1\\core.py"),
        ("python/sglang/core.py", "/env/site-packages/sglang/core.py"),
        ("src/engine/core.py", "/tree/src/engine/core.py"),
        ("core.py", "./core.py"),
    ],
)
def test_a_file_in_the_traceback_is_found_wherever_it_was_installed(file, frame):
    plain, _ = beside_plain(change(file))
    ratio, reasons = beside_plain(change(file), frames=(frame,))
    assert ratio == pytest.approx(plain * prior.default_factors()["frames"])
    assert reasons[0] == f"touches {file} in the traceback"


@pytest.mark.parametrize(
    ("file", "frame"),
    [
        ("core.py", "/usr/lib/other/core.py"),
        ("v1/core.py", "/tree/vllm/mv1/core.py"),
        ("vllm/v1/core.py", "core.py"),
        ("vllm/v1/core.py", ""),
    ],
)
def test_a_file_with_a_similar_name_is_not_in_the_traceback(file, frame):
    assert beside_plain(change(file), frames=(frame,)) == beside_plain(change(file))


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("vllm/v1", True),
        ("vllm/v1/", True),
        ("vllm/v1/core.py", True),
        ("vllm/v", False),
        ("v1", False),
        ("", False),
        ("/", False),
    ],
)
def test_the_scenarios_paths_are_files_and_whole_folders(path, inside):
    plain, _ = beside_plain(change("vllm/v1/core.py"))
    ratio, reasons = beside_plain(change("vllm/v1/core.py"), paths=(path,))
    assert ratio == pytest.approx(plain * (prior.default_factors()["paths"] if inside else 1))
    assert ("touches vllm/v1/core.py in the scenario's paths" in reasons) is inside


def test_a_file_in_both_counts_for_the_traceback_alone():
    file = change("vllm/v1/core.py")
    both = beside_plain(file, frames=("vllm/v1/core.py",), paths=("vllm/v1",))
    assert both == beside_plain(file, frames=("vllm/v1/core.py",))


def test_a_test_in_the_scenarios_paths_counts_as_source():
    ratio, reasons = beside_plain(change("tests/v1/a.py", "tests/v1/b.py"), paths=("tests/v1",))
    assert ratio == pytest.approx(prior.default_factors()["paths"])
    assert reasons == ("touches tests/v1/a.py and 1 more in the scenario's paths",)


def test_long_file_names_are_shortened():
    long = "vllm/" + "x" * 5000 + ".py"
    _, reasons = beside_plain(change(long), frames=(long,))
    assert reasons[0].startswith("touches ...x")
    assert len(reasons[0]) < 120


def test_factors_can_be_overridden():
    first, second = weights(
        [change("a.py"), change(*PLAIN)], factors={**prior.default_factors(), "one_file": 3.0}
    )
    assert first.weight / second.weight == pytest.approx(3)


NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)
PATHS = st.one_of(
    NAMES, st.sampled_from(["docs/a.md", "tests/a.py", "vllm/a.py", "vllm/b.py", "csrc/a.cu", "/"])
)
CHANGES = st.lists(
    st.builds(
        Change,
        sha=st.text("0123456789abcdef", min_size=4, max_size=4),
        subject=st.one_of(NAMES, st.sampled_from(["", "[Perf] a", "[Bugfix] b", 'Revert "c"'])),
        files=st.lists(PATHS, max_size=12).map(tuple),
        parents=st.integers(0, 3),
    ),
    min_size=1,
    max_size=30,
)
NAMED = st.lists(PATHS, max_size=4).map(tuple)


@given(CHANGES, NAMED, NAMED)
def test_every_commit_has_a_positive_and_bounded_weight(changes, paths, frames):
    found = weights(changes, paths, frames)
    assert [each.sha for each in found] == [each.sha for each in changes]
    assert sum(each.weight for each in found) == pytest.approx(len(changes))
    heaviest, lightest = (pick(each.weight for each in found) for pick in (max, min))
    assert lightest > 0
    assert heaviest / lightest <= prior.MOST / prior.LEAST * (1 + 1e-9)


@given(CHANGES, NAMED, NAMED, st.randoms(use_true_random=False))
def test_a_weight_does_not_depend_on_the_order(changes, paths, frames, draw):
    numbered = [Change(str(n), each.subject, each.files, each.parents) for n, each in enumerate(changes)]
    shuffled = draw.sample(numbered, len(numbered))
    before = {each.sha: each for each in weights(numbered, paths, frames)}
    for each in weights(shuffled, paths, frames):
        assert each.weight == pytest.approx(before[each.sha].weight)
        assert each.reasons == before[each.sha].reasons


def test_reference_page_lists_the_default_factors():
    page = (Path(__file__).parents[2] / "docs/reference/priors.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.MULTILINE))
    assert {trait: float(factor) for trait, factor in documented.items()} == prior.default_factors()


@pytest.mark.parametrize(
    ("culprits", "weighed"),
    [
        ((), {"a": 1.0, "b": 2.0, "c": 1.0}),
        (("b",), {"a": 1.0, "b": 6.0, "c": 1.0}),
        (("a", "c"), {"a": 3.0, "b": 2.0, "c": 3.0}),
        (("of another branch",), {"a": 1.0, "b": 2.0, "c": 1.0}),
    ],
)
def test_culprits_of_other_cells_have_half_of_the_prior(culprits, weighed):
    assert with_culprits({"a": 1.0, "b": 2.0, "c": 1.0}, culprits) == weighed
    assert with_culprits({}, culprits) == {}
