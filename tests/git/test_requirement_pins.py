"""Pins that differ between two texts of a file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.git.requirement_pins import Pin, changed_pins, names_pins


def differing_pins(path, old, new):
    return [(pin.package, pin.old, pin.new) for pin in changed_pins(path, old, new)]


@pytest.mark.parametrize(
    ("path", "old", "new", "pins"),
    [
        (
            "requirements/cuda.txt",
            "torch==2.9.0\nnumpy\n",
            "# for H100\ntorch==2.10.0  # why\nnumpy\n",
            [("torch", "torch==2.9.0", "torch==2.10.0")],
        ),
        (
            "requirements.txt",
            "Flask_Login[x] >= 1 ; python_version<'3.9'\n-r other.txt\n",
            "flask-login[x]>=2\n-e .\n",
            [("flask-login", "Flask_Login[x] >= 1 ; python_version<'3.9'", "flask-login[x]>=2")],
        ),
        ("requirements-dev.in", "", "pytest==8\n", [("pytest", "", "pytest==8")]),
        ("constraints.txt", "six==1 \\\n    --hash=sha256:abc\n", "six==1 \\\n --hash=sha256:def\n", []),
        ("constraints.txt", "six==1\n", "", [("six", "six==1", "")]),
        (
            "dev-requirements.txt",
            "git+https://x.org/a/b@v1#egg=Bee\nc @ https://x.org/c-1.whl\n",
            "git+https://x.org/a/b@v2#egg=Bee\nc @ https://x.org/c-2.whl\n",
            [
                ("bee", "git+https://x.org/a/b@v1#egg=Bee", "git+https://x.org/a/b@v2#egg=Bee"),
                ("c", "c @ https://x.org/c-1.whl", "c @ https://x.org/c-2.whl"),
            ],
        ),
        (
            "requirements.txt",
            "git+https://x.org/a/b@v1\n",
            "git+https://x.org/a/b@v2\n",
            [("git+https://x.org/a/b", "git+https://x.org/a/b@v1", "git+https://x.org/a/b@v2")],
        ),
        (
            "requirements.txt",
            "--extra-index-url https://a.org/cu126\ntorch\n",
            "--extra-index-url https://a.org/cu129\ntorch\n",
            [
                (
                    "--extra-index-url",
                    "--extra-index-url https://a.org/cu126",
                    "--extra-index-url https://a.org/cu129",
                )
            ],
        ),
        (
            "requirements.txt",
            "x==1; platform_machine=='x86_64'\nx==2; platform_machine=='arm64'\n",
            "x==1; platform_machine=='x86_64'\nx==3; platform_machine=='arm64'\n",
            [("x", "x==2; platform_machine=='arm64'", "x==3; platform_machine=='arm64'")],
        ),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["a==1", "b"]\n[tool.poetry.dependencies]\nc = "^1"\n',
            '[project]\ndependencies = ["a==2", "b"]\n[tool.poetry.dependencies]\nc = {version = "^2"}\n',
            [("a", "a==1", "a==2"), ("c", "c ^1", "c ^2")],
        ),
        (
            "sub/pyproject.toml",
            '[build-system]\nrequires = ["setuptools<70"]\n[dependency-groups]\ndev = ["x==1"]\n',
            '[build-system]\nrequires = ["setuptools<80"]\n[dependency-groups]\ndev = ["x==2", {a = "y"}]\n',
            [("setuptools", "setuptools<70", "setuptools<80"), ("x", "x==1", "x==2")],
        ),
        (
            "pyproject.toml",
            '[project]\nrequires-python = ">=3.9"\n[project.optional-dependencies]\nt = ["y>1"]\n',
            '[project]\nrequires-python = ">=3.10"\n[project.optional-dependencies]\nt = ["y>2"]\n',
            [("python", "python>=3.9", "python>=3.10"), ("y", "y>1", "y>2")],
        ),
        ("pyproject.toml", '[project]\nversion = "1"\n', '[project]\nversion = "2"\n', []),
        ("README.md", "torch==1", "torch==2", []),
        ("src/data.txt", "torch==1", "torch==2", []),
    ],
)
def test_changed_pins(path, old, new, pins):
    assert differing_pins(path, old, new) == pins
    assert differing_pins(path, new, old) == [(package, after, before) for package, before, after in pins]


@pytest.mark.parametrize(
    ("path", "text", "pin"),
    [
        ("setup.cfg", "[options]\ninstall_requires =\n  a>=%\n", "a>=%"),
        ("setup.cfg", "[options]\npython_requires = >=%\n", "python>=%"),
        ("setup.py", 'setup(version="%", install_requires=["a==%", "b"])', "a==%"),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "%"\n', "a==%"),
        ("pylock.toml", '[[packages]]\nname = "a"\nversion = "%"\n', "a==%"),
        ("Pipfile.lock", '{"default": {"a": {"version": "==%"}}}', "a==%"),
        ("web/package.json", '{"version": "%", "dependencies": {"a": "^%"}}', "a@^%"),
        (
            "package-lock.json",
            '{"packages": {"": {"version": "%"}, "node_modules/a": {"version": "%"}}}',
            "a@%",
        ),
        ("yarn.lock", '"a@^1", a@^1.1:\n  version "%"\n', "a@%"),
        ("go.mod", "module x\nrequire (\n\tgithub.com/a/b v%.0\n)\n", "github.com/a/b v%.0"),
        ("environment.yml", "name: x\ndependencies:\n  - numpy=%.1\n", "numpy=%.1"),
        ("docker/Dockerfile.cpu", "FROM --platform=x nvidia/cuda:% AS base\n", "nvidia/cuda:%"),
        (".python-version", "3.%\n", "python 3.%"),
    ],
)
def test_kinds_of_pinning_files(path, text, pin):
    """Where `%` stands for a version."""
    (found,) = changed_pins(path, text.replace("%", "7"), text.replace("%", "8"))
    assert {(found.old, found.new)} == {(pin.replace("%", "7"), pin.replace("%", "8"))}


def test_packages_added_to_and_removed_from_a_lock_file():
    old, new = (f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in "ab")
    assert differing_pins("uv.lock", old, new) == [("a", "a==1", ""), ("b", "", "b==1")]


BROKEN = ["[broken", "{", "[" * 20_000, '{"packages": 3}', '{"packages": [1]}', "package = 3", "\0"]
PATHS = ["pyproject.toml", "uv.lock", "package-lock.json", "Pipfile.lock", "setup.cfg", "package.json"]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("path", PATHS)
def test_broken_file_has_no_pins(path, text):
    assert changed_pins(path, text, text) == ()
    changed_pins(path, "", text)


@given(st.sampled_from(["requirements.txt", "setup.py", "go.mod", "uv.lock"]), st.text(), st.text())
def test_any_two_texts_are_compared(path, old, new):
    assert all(pin.old != pin.new for pin in changed_pins(path, old, new))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("go.mod", "\n" * 1_000_000),
        ("go.mod", "a." * 1_000_000),
        ("Dockerfile", "\n" * 1_000_000),
        ("Dockerfile", "FROM " + "--a " * 500_000),
        ("environment.yml", "\n" * 1_000_000),
        ("environment.yml", "- " + " " * 1_000_000),
        ("requirements.txt", "git+" + "@" * 1_000_000),
        ("poetry.lock", "a." * 500_000),
    ],
)
def test_repetitive_file_is_read(path, text):
    """In linear time: in quadratic time, each would take hours."""
    assert changed_pins(path, "", text)[1:] == ()


def test_large_lock_file_is_read():
    packages = {f"node_modules/p{number}": {"version": "1"} for number in range(5_000)}
    old = json.dumps({"packages": packages})
    new = json.dumps({"packages": packages | {"node_modules/p7": {"version": "2"}}})
    assert changed_pins("package-lock.json", old, new) == (Pin("p7", "p7@1", "p7@2"),)


def test_only_pinning_files_are_read():
    assert names_pins("a/requirements/common.txt")
    assert not names_pins("a/requirements/common.py")
    assert not names_pins("not-setup.py")
