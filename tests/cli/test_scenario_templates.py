"""A placeholder that does not exist is found before the first trial."""

import pytest

from bisect_tool import scenario as scenarios

SCENARIO = """
name = "odd"
description = "A placeholder is misspelled"
suite = "test_odd.py"
repository = "https://git.example.org/odd"

[profiles.cpu]
marker = "odd"
build = {{ provider = "none" }}
launch = {{ model = "m", command = ["{command}"], env = {{ HOME = "{value}" }} }}
"""


@pytest.fixture
def check(cli, tmp_path):
    def run(command, value):
        (tmp_path / "scenario.toml").write_text(SCENARIO.format(command=command, value=value))
        (tmp_path / "test_odd.py").write_text("def test_it(): ...\n")
        return cli("scenarios", "check", str(tmp_path))

    return run


def test_folders_above_are_ignored(cli, tmp_path):
    """Pytest would load their conftest.py."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "scenario.toml").write_text(SCENARIO.format(command="{python}", value=""))
    (folder / "test_odd.py").write_text("def test_it(): ...\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError\n")
    ended = cli("scenarios", "check", str(folder))
    assert (ended.code, ended.err) == (0, "")


def test_known_placeholders_and_doubled_braces_pass(check):
    ended = check("{python}{tree}{environment}{scenario}", "{assets}{temporary}{{}}")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("command", "value"),
    [("{scenaro}/a", ""), ("a", "{out}"), ("a", "{"), ("{0}", ""), ("{python:>9999999999}", "")],
)
def test_unknown_placeholder_is_reported(check, command, value):
    ended = check(command, value)
    assert ended.code == 2
    assert repr(value or command) in ended.err
    assert "Placeholders: {python}, {environment}" in ended.err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("{pyhton}", "`command` has {pyhton}, which is none of {python}, {tree}, {out}"),
        ("{ouput}/bin", "`command` has {ouput}, which is none of {python}, {tree}, {out}"),
        ("{out}/bin", ""),
        ("{print}; x", ""),
        ("s={x}", ""),
    ],
)
def test_unknown_placeholder_of_a_build_is_reported(cli, tmp_path, word, message):
    text = SCENARIO.format(command="{python}", value="")
    build = f'{{ provider = "command", command = [["awk", "{word}"]] }}'
    (tmp_path / "scenario.toml").write_text(text.replace('{ provider = "none" }', build))
    (tmp_path / "test_odd.py").write_text("def test_it(): ...\n")
    ended = cli("scenarios", "check", str(tmp_path))
    assert ended.code == (2 if message else 0)
    assert message in ended.err


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('command = ["{python}"]', "command = []", "profiles.cpu.launch.command"),
        ('marker = "odd"', 'marker = "odd"\ntimeouts = {{ trial = inf }}', "profiles.cpu.timeouts.trial"),
        ('marker = "odd"', 'marker = "odd"\ntimeouts = {{ ready = "10" }}', "profiles.cpu.timeouts.ready"),
        ('marker = "odd"', 'marker = "odd"\nneeds_gpu = "no"', "profiles.cpu.needs_gpu"),
        ('marker = "odd"', 'marker = "odd"\nsparse = "src"', "profiles.cpu.sparse"),
        ('marker = "odd"', "marker = 5", "profiles.cpu.marker"),
        ('model = "m"', 'model = "m", dp_size = 2.0', "profiles.cpu.launch.dp_size"),
        ('model = "m"', 'model = "m", rpc_port = 1', "profiles.cpu.launch.rpc_port"),
    ],
)
def test_invalid_value_is_rejected(cli, tmp_path, old, new, field):
    text = SCENARIO.format(command="{python}", value="")
    (tmp_path / "scenario.toml").write_text(text.replace(old, new.format()))
    (tmp_path / "test_odd.py").write_text("def test_it(): ...\n")
    ended = cli("scenarios", "check", str(tmp_path))
    assert ended.code == 2
    assert f"{field}: " in ended.err


def test_scenario_has_a_profile(cli, tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO.partition("[profiles")[0] + "profiles = {}\n")
    ended = cli("scenarios", "check", str(tmp_path))
    assert ended.code == 2
    assert "profiles: " in ended.err


@pytest.fixture
def two(tmp_path):
    """A function: the text of the second scenario's file below its head -> the scenario's folder."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_odd.py").write_text("def test_it(): ...\n")
    first = SCENARIO.format(command="{python}", value="from the first")
    (tmp_path / "first" / "scenario.toml").write_text(first)
    head = first.partition("[profiles")[0].replace('"odd"', '"second"')

    def make(rest):
        (tmp_path / "second" / "scenario.toml").write_text(head + rest)
        return tmp_path / "second"

    return make


def test_profiles_of_another_scenario_are_inherited_and_changed(two):
    changed = """
profiles_of = "../first"
[profiles.cpu.timeouts]
trial = 7
[profiles.cpu.launch]
dp_size = 5
env = { MORE = "1" }
"""
    profile = scenarios.load(str(two(changed))).profile("cpu")
    assert (profile.marker, profile.timeouts.trial, profile.timeouts.idle) == ("odd", 7, 300)
    assert (profile.launch.command, profile.launch.dp_size) == (("{python}",), 5)
    assert profile.launch.env == {"HOME": "from the first", "MORE": "1"}


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ('profiles_of = "../nowhere"', "profiles_of: ../nowhere has no scenario.toml"),
        ("profiles_of = 7", "profiles_of: 7 has no scenario.toml"),
        ('profiles_of = ""', "profiles: "),
        ('profiles_of = "../first"\nprofiles = 3', "profiles: "),
        ('profiles_of = "../first"\n[profiles.cpu]\nneeds_gpus = true', "profiles.cpu.needs_gpus: "),
    ],
)
def test_malformed_profiles_are_rejected(cli, two, rest, message):
    ended = cli("scenarios", "check", str(two(rest)))
    assert ended.code == 2
    assert message in ended.err


def test_profiles_are_inherited_through_several_scenarios(two):
    folder = two('profiles_of = "../first"')
    third = folder.parent / "third"
    third.mkdir()
    (third / "test_odd.py").write_text("def test_it(): ...\n")
    text = (folder / "scenario.toml").read_text().replace("../first", "../second")
    (third / "scenario.toml").write_text(text + "\n[profiles.cpu.launch]\ndp_size = 3\n")
    launch = scenarios.load(str(third)).profile("cpu").launch
    assert (launch.command, launch.dp_size) == (("{python}",), 3)


@pytest.mark.parametrize("name", [".", "../second", "../loop"])
def test_circular_profiles_are_rejected(cli, two, name):
    folder = two(f'profiles_of = "{name}"')
    (folder.parent / "loop").symlink_to(folder)
    ended = cli("scenarios", "check", str(folder))
    assert ended.code == 2
    assert f"profiles_of: {name} takes its profiles from this scenario" in ended.err


def test_error_in_another_file_names_that_file(cli, two):
    folder = two('profiles_of = "../first"')
    (folder.parent / "first" / "scenario.toml").write_text("name =")
    ended = cli("scenarios", "check", str(folder))
    assert ended.code == 2
    assert "first/scenario.toml: not TOML: " in ended.err


@pytest.mark.parametrize(
    ("command", "value", "message"),
    [
        ("{scenario}/serve.sh", "", "{tmp}/serve.sh does not exist"),
        ("{python}", "{scenario}/hooks", "{tmp}/hooks does not exist"),
        ("{python}", "--config={scenario}/a.yaml:{tree}", "{tmp}/a.yaml does not exist"),
        ("{scenario}/test_odd.py", "", "{tmp}/test_odd.py is not executable"),
        ("./serve.sh", "", "./serve.sh is resolved in the directory of each trial"),
        ("/none/serve.sh", "", "/none/serve.sh does not exist"),
    ],
)
def test_missing_launch_file_is_reported(check, tmp_path, command, value, message):
    ended = check(command, value)
    assert (ended.code, ended.out) == (2, "")
    assert message.replace("{tmp}", str(tmp_path)) in ended.err


def test_existing_launch_files_pass(check, tmp_path):
    (tmp_path / "serve.sh").write_text("#!/bin/sh\n")
    (tmp_path / "serve.sh").chmod(0o755)
    ended = check("{scenario}/serve.sh", "{scenario}/test_odd.py")
    assert (ended.code, ended.err) == (0, "")


def test_scenarios_without_a_command_lists_them(cli):
    assert cli("scenarios") == cli("scenarios", "list")
