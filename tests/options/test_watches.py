"""Reading watches from a configuration file, and overriding it."""

import dataclasses

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.options.declared_options import declared_options
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.validate_results import NEEDS_SOURCE
from bisect_tool.options.watches import name_of, watches

FILE = """
repo = "engine"
confirm = "revert"

[watch.gpu]
ref = "origin/main"
slots = 2

[watch.unit]
command = ["./check.sh", "-x"]
results = ["a/*.xml", "b"]
"""


@pytest.fixture
def read(tmp_path):
    def read(text, given=(), name="bisect-run.toml", **options):
        (tmp_path / name).write_text(text)
        return watches(NightlyOptions(**options), frozenset(given), tmp_path)

    return read


def test_keys_at_the_top_count_for_every_watch(read):
    gpu, unit = read(FILE)
    assert (gpu.name, gpu.options.repo, gpu.options.ref, gpu.options.slots) == (
        "gpu",
        "engine",
        "origin/main",
        2,
    )
    assert (unit.options.repo, unit.options.ref, unit.options.confirm) == ("engine", "HEAD", "revert")
    assert (unit.options.command, unit.options.results) == (("./check.sh", "-x"), ("a/*.xml", "b"))


def test_watch_knows_all_names_of_its_file(read):
    (gpu,) = read(FILE, watch=("gpu",))
    assert (gpu.name, gpu.names_in_file) == ("gpu", {"gpu", "unit"})


def test_command_line_overrides_the_file_also_with_a_default(read):
    gpu, unit = read(FILE, ("slots", "confirm"), slots=1)
    assert (gpu.options.slots, gpu.options.confirm, unit.options.confirm) == (1, None, None)
    assert gpu.options.ref == "origin/main"


@pytest.mark.parametrize(
    ("top", "own", "given", "folders"),
    [
        ("out = 'report'", "", {}, ["report/gpu", "report/unit-tests"]),
        ("out = 'report'", "out = 'mine'", {}, ["report/gpu", "mine"]),
        ("", "", {"out": "x"}, ["x/gpu", "x/unit-tests"]),
        ("", "out = 'mine'", {}, [None, "mine"]),
    ],
)
def test_watches_that_share_a_folder_have_folders_in_it(read, top, own, given, folders):
    text = f'{top}\n[watch.gpu]\n[watch."unit tests"]\n{own}\n'
    assert [each.options.out for each in read(text, tuple(given), **given)] == folders
    (gpu,) = read(text, (*given, "watch"), watch=("gpu",), **given)
    assert gpu.options.out == folders[0]


def test_the_only_watch_has_the_folder_itself(read):
    (watch,) = read("out = 'report'\n[watch.gpu]\n")
    assert watch.options.out == "report"


def test_only_the_named_watch(read):
    assert [each.name for each in read(FILE, ("watch",), watch=("unit",))] == ["unit"]
    with pytest.raises(UsageError, match="no watch cpu"):
        read(FILE, ("watch",), watch=("cpu",))


@pytest.mark.parametrize("key", ["max-posts", "max_posts"])
def test_watch_overrides_a_key_at_the_top_in_either_spelling(read, key):
    table = f"[watch.a]\nsource = 'github'\n{key} = 2\nexclude-env = 'B'"
    (watch,) = read(f"max-posts = 1\nexclude_env = ['A']\n{table}")
    assert (watch.options.max_posts, watch.options.exclude_env) == (2, ("B",))


def test_file_may_start_with_a_byte_order_mark(read):
    (watch,) = read("\ufeffref = 'main'")
    assert watch.options.ref == "main"


def test_project_file_has_a_table(read):
    (watch,) = read('[tool.bisect-run]\nref = "main"', name="pyproject.toml")
    assert watch.options.ref == "main"
    (watch,) = read("[tool.other]", ("ref",), name="pyproject.toml", ref="dev")
    assert watch.options.ref == "dev"


@pytest.mark.parametrize("text", ["tool = 3", f"a = {'[' * 5000}"])
def test_project_file_without_a_table_is_ignored(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert len(watches(NightlyOptions(results=("x",)), frozenset(), tmp_path)) == 1


def test_without_a_file_the_command_line_is_the_watch(tmp_path):
    options = NightlyOptions(command=("./check.sh",))
    (watch,) = watches(options, frozenset({"command"}), tmp_path)
    assert (watch.name, watch.options) == ("./check.sh", options)
    with pytest.raises(UsageError, match="needs a configuration file"):
        watches(NightlyOptions(watch=("a",)), frozenset({"watch"}), tmp_path)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "external-lb-dp"),
        ({"scenario": "shutdown"}, "shutdown"),
        ({"pytest": ("tests/a.py", "b")}, "tests/a.py b"),
        ({"source": "buildkite", "pipeline": "vllm/ci", "job": "gpu.*"}, "vllm/ci gpu.*"),
        ({"source": "github", "repository": "o/r", "workflow": "n.yml"}, "o/r n.yml"),
        ({"command": ("sh", "-c", "exit\n3")}, "sh -c 'exit 3'"),
    ],
)
def test_default_name_of_a_watch_is_what_it_runs(options, name):
    assert name_of(NightlyOptions(**options)) == name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("slot = 2", "there is no option slot", "Did you mean slots"),
        ('[watch.a]\nslots = "two"', "watch a: .*--slots", "--help"),
        ("[watch.a]\nslots = 99", "watch a: .*--slots", "--help"),
        ("slots = [1]", "slots: it must be a string or a number", "--help"),
        ('comment-on-culprit = "yes"', "true or false", "--help"),
        ("cells = [1]", "a string, or a list of strings", "--help"),
        ("watch = 3", "watch must be a table of watches", r"\[watch.NAME\]"),
        ("slots = ", "bisect-run.toml: ", "TOML"),
        ('config = "a"', "there is no option config", ""),
        ('out = "x"\n[watch."gpu:a"]\n[watch."gpu a"]', "gpu:a and gpu a write to the same directory", "out"),
        ('command = "./check.sh \'a"', "command: no closing quotation", "--help"),
        ('command = "./check.sh | tee log"', "command: it is not run by a shell. Write a list", "--help"),
        ('command = ""', "command: it is empty", "--help"),
        ('[watch.a]\nout = "x"\n[watch.b]\nout = "x"', "a and b write to the same directory", "out"),
        ("[watch.a]\ncommand = []", "watch a: command: it is empty", "--help"),
        (r'out = "a\u0000b"', "out: it contains a NUL character", "--help"),
        (r'command = ["a\u0000b"]', "command: it contains a NUL character", "--help"),
        ('out = ""', "--out is empty", "shell variable"),
        ('[watch.a]\nresults = ["runs", ""]', "watch a: --results is empty", "shell variable"),
        ("max-posts = 1\nmax_posts = 2", "max_posts is given twice, with - and with _", "Remove one"),
    ],
)
def test_errors_in_the_file_are_usage_errors(read, text, message, hint):
    with pytest.raises(UsageError, match=message) as error:
        read(text)
    assert hint.replace("\\", "") in error.value.hint


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"./check.sh -v"', ("./check.sh", "-v")),
        ("""'./check.sh "a b" -k "x|y"'""", ("./check.sh", "a b", "-k", "x|y")),
        ('"./my#check.sh"', ("./my#check.sh",)),
        ('["./my check.sh", "|"]', ("./my check.sh", "|")),
    ],
)
def test_command_as_text_is_split_like_in_a_shell(read, value, words):
    (watch,) = read(f"command = {value}")
    assert watch.options.command == words


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "a\\\\b", "a\\u001b", "a\\nb", " a", "a" * 81])
def test_name_that_cannot_be_a_folder_is_rejected(read, name):
    with pytest.raises(UsageError, match="a watch cannot be named"):
        read(f'[watch."{name}"]')


@pytest.mark.parametrize("name", ["a", "gpu tests", "a.b", "größe", "a" * 80])
def test_name_of_a_watch_is_kept(read, name):
    assert [each.name for each in read(f'[watch."{name}"]')] == [name]


TOP = """
python = "/usr/bin/python3"
tests-from = "main"
scenario = "shutdown"
command = ["./top.sh"]
"""


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ('command = ["./own.sh"]', {"command": ("./own.sh",)}),
        ('scenario = "external-lb-dp"', {"scenario": "external-lb-dp"}),
        (
            'pytest = ["tests"]',
            {
                "pytest": ("tests",),
                "scenario": "shutdown",
                "python": "/usr/bin/python3",
                "tests_from": "main",
            },
        ),
    ],
)
def test_keys_at_the_top_that_are_for_other_checks_do_not_count(read, table, options):
    (watch,) = read(f"{TOP}[watch.a]\n{table}")
    assert watch.options == NightlyOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"message": "Full"}, "--message needs --source"),
        ({"results": ("a",), "exclude_env": ("A",)}, "--exclude-env needs --source"),
        ({"days": 7}, "--days needs --source"),
        ({"job": "gpu"}, "--job needs --source or --results"),
    ],
)
def test_selecting_option_without_a_source_is_rejected(tmp_path, options, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        watches(NightlyOptions(**options), frozenset(options), tmp_path)


def test_selecting_option_without_a_source_is_rejected_in_a_table(read):
    with pytest.raises(UsageError, match=r"^bisect-run\.toml: watch a: --branch needs --source$"):
        read('[watch.a]\nbranch = "main2"')


def test_options_of_a_source_count_for_the_watches_that_read_results(read):
    tables = '[watch.a]\nsource = "github"\n[watch.b]\nresults = ["x"]\n[watch.c]\n'
    found = read(f'job = "gpu"\nbranch = "next"\ndays = 7\n{tables}', ("days",), days=9)
    options = [each.options for each in found]
    assert [each.job for each in options] == ["gpu", "gpu", ""]
    assert [(each.branch, each.days) for each in options] == [("next", 9), ("main", 30), ("main", 30)]


def test_option_for_tests_does_not_count_for_a_command(read):
    """Such as `BISECT_RUN_PYTHON`, or `--python` for all watches."""
    text = '[watch.a]\ncommand = "./own.sh"\n[watch.b]\npytest = "tests"'
    command, tests = read(text, ("python",), python="/opt/python")
    assert (command.options.python, tests.options.python) == (None, "/opt/python")


def test_missing_configuration_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        watches(NightlyOptions(config=str(tmp_path / "none.toml")), frozenset({"config"}), tmp_path)


def test_every_option_of_nightly_can_be_in_the_file(read):
    """Except those that apply only to the command line."""
    values = {bool: "true", int: "3", float: "0.8"}
    for option in declared_options(NightlyOptions):
        if option.name in ("config", "watch", "dry_run", "as_json"):
            continue
        value = getattr(option.info, "min", None) or values.get(type(option.default), '"x"')
        if option.name in ("confirm", "annotate", "source"):
            value = {"confirm": '"revert"', "annotate": '"github"', "source": '"github"'}[option.name]
        needed = 'source = "github"\n' if option.name in (*NEEDS_SOURCE, "job") else ""
        (watch,) = read(f"{needed}{option.name.replace('_', '-')} = {value}")
        changed = dataclasses.replace(watch.options, **{option.name: option.default})
        assert changed == NightlyOptions(source="github" if needed else None)
