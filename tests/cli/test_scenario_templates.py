"""A placeholder that does not exist is found before the first trial."""

import pytest

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


def test_known_placeholders_and_doubled_braces_pass(check):
    ended = check("{python}{tree}{environment}{scenario}", "{assets}{temporary}{{}}")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("command", "value"),
    [("{scenaro}/a", ""), ("a", "{out}"), ("a", "{"), ("{0}", ""), ("{python:>9999999999}", "")],
)
def test_others_are_named(check, command, value):
    ended = check(command, value)
    assert ended.code == 2
    assert repr(value or command) in ended.err
    assert "Placeholders: {python}, {environment}" in ended.err


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('command = ["{python}"]', "command = []", "profiles.cpu.launch.command"),
        ('marker = "odd"', 'marker = "odd"\ntimeouts = {{ trial = inf }}', "profiles.cpu.timeouts.trial"),
    ],
)
def test_what_could_never_run_is_refused(cli, tmp_path, old, new, field):
    text = SCENARIO.format(command="{python}", value="")
    (tmp_path / "scenario.toml").write_text(text.replace(old, new.format()))
    (tmp_path / "test_odd.py").write_text("def test_it(): ...\n")
    ended = cli("scenarios", "check", str(tmp_path))
    assert ended.code == 2
    assert f"{field}: " in ended.err


def test_a_scenario_has_a_profile(cli, tmp_path):
    (tmp_path / "scenario.toml").write_text(SCENARIO.partition("[profiles")[0] + "profiles = {}\n")
    ended = cli("scenarios", "check", str(tmp_path))
    assert ended.code == 2
    assert "profiles: " in ended.err
