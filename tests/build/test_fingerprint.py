import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.build import BuildProfile, fingerprint, name_environment, native_paths
from bisect_tool.git import Repository

MACHINE = "cpython-311 x86_64"
HASHES = st.dictionaries(
    st.text(min_size=1), st.text("0123456789abcdef", min_size=40, max_size=40), min_size=1
)


def overlay(**settings):
    return BuildProfile(
        **{"provider": "overlay", "wheel": "w==1", "files": ["x"], "native": ["csrc", "setup.py"], **settings}
    )


@given(HASHES, st.randoms())
def test_order_does_not_matter(hashes, source):
    shuffled = list(hashes.items())
    source.shuffle(shuffled)
    assert name_environment(dict(shuffled), overlay(), MACHINE) == name_environment(
        hashes, overlay(), MACHINE
    )


@given(HASHES, st.data())
def test_any_changed_object_changes_the_fingerprint(hashes, data):
    path = data.draw(st.sampled_from(sorted(hashes)))
    other = {**hashes, path: data.draw(HASHES.flatmap(lambda drawn: st.sampled_from(sorted(drawn.values()))))}
    same = name_environment(other, overlay(), MACHINE) == name_environment(hashes, overlay(), MACHINE)
    assert same == (other == hashes)


@pytest.mark.parametrize(
    "change",
    [
        {"wheel": "w==2"},
        {"requirements": ["torch"]},
        {"remove": ["triton"]},
        {"python": "3.12"},
        {"env": {"A": "b"}},
    ],
)
def test_recipe_changes_the_fingerprint(change):
    assert name_environment({}, overlay(**change), MACHINE) != name_environment({}, overlay(), MACHINE)


@pytest.mark.parametrize("change", [{"timeout_s": 5}, {"tree": ["vllm"]}])
def test_limits_and_tree_do_not_change_the_fingerprint(change):
    assert name_environment({}, overlay(**change), MACHINE) == name_environment({}, overlay(), MACHINE)


def test_machine_changes_the_fingerprint():
    assert name_environment({}, overlay(), MACHINE) != name_environment({}, overlay(), "cpython-312 aarch64")


def test_commits_with_equal_native_files_share_a_fingerprint(repository, tmp_path):
    base = repository({"csrc/kernel.cpp": "1", "setup.py": "1", "engine/main.py": "1"})
    python_only = repository({"engine/main.py": "2", "docs/index.md": "2"})
    native = repository({"csrc/kernel.cpp": "3"})
    history = Repository.open(str(repository.path), tmp_path / "clones")
    names = [fingerprint(history, sha, overlay()) for sha in (base, python_only, native)]
    assert names[0] == names[1] != names[2]
    pinned = [fingerprint(history, sha, overlay(base="released")) for sha in (base, python_only, native)]
    assert len(set(pinned)) == 1
    assert native_paths(history.changed_paths(native), overlay(base="released")) == ("csrc/kernel.cpp",)
    assert native_paths(history.changed_paths(python_only), overlay(base="released")) == ()


def test_native_paths_are_whole_names():
    changed = ("csrc.md", "csrc/a/b.cpp", "setup.py", "setup.pyc", "docs/csrc/x", "requirements/cpu.txt")
    profile = overlay(native=["csrc/", "setup.py", "requirements"])
    assert native_paths(changed, profile) == ("csrc/a/b.cpp", "setup.py", "requirements/cpu.txt")


@pytest.mark.parametrize(
    "incomplete", [{"provider": "overlay"}, {"provider": "command"}, {"provider": "magic"}]
)
def test_incomplete_profile_is_rejected(incomplete):
    with pytest.raises(ValueError, match="provider"):
        BuildProfile.model_validate(incomplete)
