import subprocess

import pytest
from made_wheels import make_wheel

from bisect_tool.build import BuildFailed, BuildProfile, fingerprint, prepare
from bisect_tool.build.overlay_provider import dependencies, normal
from bisect_tool.git import Repository, Worktrees

pytestmark = pytest.mark.usefixtures("copied_environments")

MAIN = """
import importlib.metadata, importlib.util, pathlib, sys
import engine, engine._version, present
here = pathlib.Path(engine.__file__).parent
def main():
    version = importlib.metadata.version("engine")
    print({tag!r}, (here / "_C.so").read_text(), engine._version.version, version)
    print([name for name in ("present", "unwanted", "later_removed") if importlib.util.find_spec(name)])
    return 7
"""


@pytest.fixture
def profile(tmp_path):
    """An overlay on a wheel `engine-cpu` with one wanted, one excluded and one removed dependency."""
    wheels = tmp_path / "wheels"
    needed = {
        name: make_wheel(wheels, name, "1.0", {f"{name.replace('-', '_')}.py": ""}).as_uri()
        for name in ("present", "unwanted", "later-removed")
    }
    engine = make_wheel(
        wheels,
        "engine-cpu",
        "0.5",
        {
            "engine/__init__.py": "",
            "engine/main.py": "raise SystemExit('the wheel was imported')",
            "engine/_C.so": "compiled",
            "engine/_version.py": "version = 'of the wheel'",
        },
        requires=[
            *(f"{name} @ {uri}" for name, uri in needed.items()),
            'nowhere-to-be-found; extra == "more"',
        ],
        scripts=["engine = engine.main:main"],
    )
    return BuildProfile(
        provider="overlay",
        base="engine-cpu-0.5",
        wheel=str(engine),
        distribution="engine==0.5+cpu",
        exclude=["Unwanted"],
        remove=["later-removed"],
        files=["engine/_C*.so", "engine/_version.py"],
        tree=["engine", "absent"],
        env={"PYTHONPATH": "{tree}"},
    )


@pytest.mark.slow
def test_commits_run_on_one_base(profile, repository, build_paths, tmp_path, installed_by):
    first = repository({"engine/__init__.py": "", "engine/main.py": MAIN.format(tag="first")})
    second = repository({"engine/main.py": MAIN.format(tag="second")})
    third = repository({"engine/_version.py": "version = 'of the commit'"})
    history = Repository.open(str(repository.path), tmp_path / "clones")
    printed, environments = [], []
    with Worktrees(history, tmp_path / "worktrees", ()).slot(0) as slot:
        for sha in (first, second, third):
            tree = slot.checkout(sha)
            assert not (tree / "engine" / "_C.so").is_symlink()  # of the previous checkout
            name = fingerprint(history, sha, profile)
            environment = prepare(tree, name, profile, build_paths.cache, build_paths.log)
            assert list((tree / "engine" / "__pycache__").glob("main.*.pyc"))
            script = environment.python.with_name("engine")
            done = subprocess.run(
                [script], env=environment.variables, capture_output=True, text=True, check=False
            )
            assert done.returncode == 7, done.stderr
            printed.append(done.stdout.splitlines())
            environments.append(environment)
    versions, importable = "compiled of the wheel 0.5+cpu", "['present']"
    assert printed == [[f"{tag} {versions}", importable] for tag in ("first", "second", "second")]
    assert [environment.reused for environment in environments] == [False, True, True]
    assert len({environment.path for environment in environments}) == 1
    assert sorted(path.name for path in environments[0].path.iterdir()) == ["built.json", "overlay", "venv"]


def test_overlay_does_not_follow_links_out_of_the_tree(profile, build_paths, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (build_paths.tree / "engine").symlink_to(outside)
    with pytest.raises(BuildFailed, match="points outside its tree"):
        build_paths.prepare(profile)
    assert not list(outside.iterdir())


def test_folder_in_place_of_an_overlay_file_is_an_error(profile, build_paths):
    (build_paths.tree / "engine" / "_C.so").mkdir(parents=True)
    with pytest.raises(BuildFailed, match="is a directory"):
        build_paths.prepare(profile)


def test_wheel_without_the_files_is_an_error(profile, build_paths):
    with pytest.raises(BuildFailed, match=r"no file engine/_D\*"):
        build_paths.prepare(profile.model_copy(update={"files": ("engine/_D*",)}))


def test_dependencies_exclude_extras_and_excluded_packages(profile):
    requires = [
        "Torch==2.10.0+cpu; platform_machine == 'x86_64'",
        "torch_audio",
        "numpy>=1",
        "ray[default]>=2; extra == 'ray'",
        "py-cpuinfo; python_version > '3.0'",
    ]
    profile = profile.model_copy(update={"exclude": ("torch", "torch.audio")})
    kept = dependencies({"requires-dist": requires}, profile)
    assert kept == ["numpy>=1", "py-cpuinfo; python_version > '3.0'"]
    assert normal("A_b.-C") == "a-b-c"
