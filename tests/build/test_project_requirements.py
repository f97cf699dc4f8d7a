"""Find the requirements of a project's tests."""

from __future__ import annotations

import pytest

from bisect_tool.build.project_requirements import Requirements, find_requirements, installable


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"setup.py": ""}, True),
        ({"pyproject.toml": "[build-system]\nrequires = []\n"}, True),
        ({"pyproject.toml": "[tool.poetry]\nname = 'x'\n"}, True),
        ({"pyproject.toml": "[project]\nname = 'x'\n"}, False),
        ({"pyproject.toml": "[tool.ruff]\n"}, False),
        ({"pyproject.toml": "not TOML ["}, False),
        ({"requirements.txt": "x\n"}, False),
    ],
)
def test_installable(tmp_path, files, found):
    write(tmp_path, files)
    assert installable(tmp_path) is found


METADATA = {
    "name": ["My_Project"],
    "provides-extra": ["Test", "dev", "docs"],
    "requires-dist": [
        "base>=1",
        'plugin>=2; extra == "test"',
        'old; python_version < "3" and extra == "test"',
        'linter; extra == "dev"',
        'my-project[test]; extra == "dev"',
        'sphinx; extra == "docs"',
    ],
}


@pytest.mark.parametrize(
    ("files", "metadata", "requirements", "lines"),
    [
        ({}, METADATA, ("plugin>=2",), ()),
        ({}, {**METADATA, "provides-extra": ["dev"]}, ("linter", "plugin>=2"), ()),
        ({"requirements.txt": "pin==1\n"}, METADATA, ("plugin>=2",), ()),
        ({"requirements.txt": "pin==1\n"}, {"name": ["x"]}, (), ("pin==1",)),
        (
            {"requirements.txt": "pin==1\n", "setup.py": "", "test-requirements.txt": "t\n"},
            {"name": ["x"]},
            (),
            ("t",),
        ),
        (
            {"requirements.txt": "pin==1\n", "requirements-dev.txt": "t # why\n"},
            {},
            (),
            ("t # why", "pin==1"),
        ),
        (
            {
                "requirements/tests.txt": "-r base.txt\n-e .[test]\n",
                "requirements/base.txt": "b\\\n>=1\n# no\n",
            },
            METADATA,
            ("plugin>=2",),
            (),
        ),
        (
            {
                "requirements/tests.txt": "-r base.txt\n-e .\n-e .[docs]\n",
                "requirements/base.txt": "b\n-r tests.txt\n",
            },
            {**METADATA, "provides-extra": ["docs"]},
            (),
            ("b", "sphinx"),
        ),
        (
            {
                "pyproject.toml": "[dependency-groups]\n"
                "test = ['t', {include-group = 'more'}]\nmore = ['m']\ndev = ['d']\n"
            },
            {},
            ("t", "m"),
            (),
        ),
        (
            {"pyproject.toml": "[dependency-groups]\ndev = ['d']\n[project]\ndependencies = ['p']\n"},
            {},
            ("p", "d"),
            (),
        ),
        ({"pyproject.toml": "[project.optional-dependencies]\ntests = ['t']\n"}, {}, ("t",), ()),
        (
            {"pyproject.toml": "[tool.poetry.group.test.dependencies]\npytest-mock = '^3'\n"},
            {"name": ["x"]},
            ("pytest-mock",),
            (),
        ),
    ],
)
def test_find_requirements(tmp_path, files, metadata, requirements, lines):
    write(tmp_path, files)
    assert find_requirements(tmp_path, metadata) == Requirements(requirements, lines)


def test_local_paths_are_independent_of_the_folder(tmp_path):
    write(tmp_path, {"requirements/test.txt": "-c limits.txt\n-e ./../plugin\n"})
    folder = tmp_path / "requirements"
    assert find_requirements(tmp_path, {"name": ["x"]}).lines == (
        f"-c {folder / 'limits.txt'}",
        str(tmp_path / "plugin"),
    )


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "tool = 3",
        "project = 3",
        "project.optional-dependencies = 3",
        "project.optional-dependencies = {test = 3}",
        "dependency-groups = 3",
        "dependency-groups = {test = 3}",
        "tool.poetry = 3",
        "tool.poetry.group = 3",
        "tool.poetry.group.test = 3",
        "tool.poetry.group.test.dependencies = 3",
        "tool.poetry.dev-dependencies = 3",
        f"tool = {'[' * 5000}",
    ],
)
@pytest.mark.parametrize("metadata", [{}, {"name": ["x"]}], ids=["alone", "installed"])
def test_invalid_tables_have_no_requirements(tmp_path, text, metadata):
    write(tmp_path, {"pyproject.toml": text})
    assert find_requirements(tmp_path, metadata) == Requirements()


def test_files_that_include_each_other_many_times_are_read_once(tmp_path):
    chain = {f"r{n}.txt": f"x{n}\n" + f"-r r{n + 1}.txt\n" * 20 for n in range(50)}
    write(tmp_path, {"requirements-test.txt": "-r r0.txt\n", **chain})
    assert find_requirements(tmp_path, {}).lines == tuple(f"x{n}" for n in range(50))


def test_groups_that_include_each_other_many_times_are_read_once(tmp_path):
    included = {n: ", ".join([f'{{include-group = "g{n + 1}"}}'] * 20) for n in range(50)}
    groups = [f'g{n} = ["x{n}", {each}]' for n, each in included.items()]
    text = "\n".join(["[dependency-groups]", 'test = [{include-group = "g0"}]', *groups])
    write(tmp_path, {"pyproject.toml": text})
    assert find_requirements(tmp_path, {}).requirements == tuple(f"x{n}" for n in range(50))


def test_extras_that_include_each_other_many_times_are_read_once(tmp_path):
    every = [f'x[e{n + 1}]; extra == "e{n}"' for n in range(12) for _ in range(20)]
    metadata = {
        "name": ["x"],
        "provides-extra": ["test", *(f"e{n}" for n in range(12))],
        "requires-dist": ['x[e0]; extra == "test"', *every, 'last; extra == "e12"'],
    }
    assert find_requirements(tmp_path, metadata).requirements == ("last",)
