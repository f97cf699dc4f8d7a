"""Command lines with mistakes, and the error and advice printed for each."""

from __future__ import annotations

NAMES = "`git branch --all` and `git tag` list the names."
TAKES = "--repo takes a checkout, a bare repository or a URL."
SESSIONS = "`bisect-run status` lists the sessions."
NO_SESSIONS = "BISECT_RUN_HOME sets where sessions are stored."
USAGE = "See `bisect-run {}--help`."
REFERENCE = "See docs/reference/scenario.md."
LEAVE_OUT = "Use only one of them."
EMPTY = "Give it a value or leave it out. Is a shell variable unset?"
NO_COMMAND = "Add a command or remove the --. Is a shell variable unset?"
COMMAND_ALONE = "a command after -- cannot be combined with --scenario, --profile, --pytest or --cells"
YOUNGER_END = "Name the newer commit. The older one can be left out."

# Each row: the mistake, the command line, the error, the advice.
WRONG = [
    (
        "unknown ref",
        "--repo {engine} --good nope --bad bad",
        "there is no commit 'nope' in {engine}",
        NAMES,
    ),
    (
        "abbreviated id that is not there",
        "--repo {engine} --good 0123abc --bad bad",
        "there is no commit '0123abc' in {engine}",
        "It looks like a commit id: fetch it first, or use more digits if it is ambiguous.",
    ),
    (
        "ref like an option",
        "--repo {engine} --good -x --bad bad",
        "there is no commit '-x' in {engine}",
        NAMES,
    ),
    (
        "ref like an option of git",
        "--repo {engine} --good=--all --bad bad",
        "there is no commit '--all' in {engine}",
        NAMES,
    ),
    (
        "ref with spaces",
        "--repo {engine} --good ' two words' --bad bad",
        "there is no commit ' two words' in {engine}",
        NAMES,
    ),
    (
        "ref with unicode",
        "--repo {engine} --good größer --bad bad",
        "there is no commit 'größer' in {engine}",
        NAMES,
    ),
    (
        "ref with control characters",
        "--repo {engine} --good '\x1b[31mred\x07' --bad bad",
        "there is no commit 'red' in {engine}",
        NAMES,
    ),
    (
        "empty ref",
        "--repo {engine} --good '' --bad bad",
        "there is no commit '' in {engine}",
        NAMES,
    ),
    (
        "equal ends",
        "--repo {project} --good c2 --bad c2 -- ./check.sh",
        "the good and the bad commit are the same: {c2:.12}",
        "Use two commits, the good one an ancestor of the bad one.",
    ),
    (
        "swapped ends",
        "--repo {project} --good c8 --bad c1 -- ./check.sh",
        "the ends are swapped: bad {c1:.12} is an ancestor of good {c8:.12}",
        "Swap --good and --bad, or search for the commit that fixed it: --find fix.",
    ),
    (
        "good beside bad",
        "--repo {project} --good side --bad c8 -- ./check.sh",
        "good {side:.12} is not an ancestor of bad {c8:.12}",
        (
            "Test their merge base first: if {c2:.12} is good, use --good {c2:.12}; "
            "if it is bad, the failure was fixed on the way to the good commit."
        ),
    ),
    (
        "no common history",
        "--repo {project} --good alien --bad c8 -- ./check.sh",
        "good {alien:.12} and bad {c8:.12} have no common history",
        "Use commits of the same history.",
    ),
    (
        "repository that is not there",
        "--repo {tmp}/none --good a --bad b",
        "there is no directory '{tmp}/none'",
        TAKES,
    ),
    (
        "directory that is no repository",
        "--repo {tmp} --good a --bad b",
        "'{tmp}' is not a git repository",
        TAKES,
    ),
    (
        "file in place of a repository",
        "--repo {tmp}/file --good a --bad b",
        "there is no directory '{tmp}/file'",
        TAKES,
    ),
    (
        "repository that is a program",
        "--repo 'ext::sh -c id' --good a --bad b",
        "'ext::sh -c id' names a program to run, not a repository",
        TAKES,
    ),
    (
        "repository that no profile knows",
        "--repo {project} --good c1 --bad c8",
        "{project} at {c8:.9} is not an engine of scenario external-lb-dp",
        (
            "It needs one of: gpu (vllm/entrypoints/cli/main.py), "
            "vllm-cpu (vllm/entrypoints/cli/main.py), reference (refengine/__main__.py), "
            "reference-gpu (refengine/device.py). "
            "For other projects, use --pytest tests/, or a command after -- (-- ./check.sh)."
        ),
    ),
    (
        "no such scenario",
        "--repo {engine} --good good --bad bad --scenario none",
        "no such scenario: none",
        "Use external-lb-dp, pytest, shutdown, or the path to a scenario directory.",
    ),
    (
        "no such scenario to show",
        "scenarios show none",
        "no such scenario: none",
        "Use external-lb-dp, pytest, shutdown, or the path to a scenario directory.",
    ),
    (
        "scenario whose suite is missing",
        "scenarios check {tmp}/no_suite",
        "{tmp}/no_suite/scenario.toml: suite none.py does not exist",
        "Use a pytest file in the scenario directory.",
    ),
    (
        "scenario with an unknown field",
        "scenarios check {tmp}/odd_field",
        "{tmp}/odd_field/scenario.toml: colour: unknown field",
        REFERENCE,
    ),
    (
        "scenario with a field that is missing",
        "scenarios check {tmp}/short",
        "{tmp}/short/scenario.toml: description: Field required",
        REFERENCE,
    ),
    (
        "suite without tests",
        "scenarios check {tmp}/empty_suite",
        "{tmp}/empty_suite/suite.py has no cells: no tests collected",
        "Fix the suite; `bisect-run scenarios check {tmp}/empty_suite` reads it again.",
    ),
    (
        "suite that cannot be read",
        "scenarios check {tmp}/broken_suite",
        (
            "{tmp}/broken_suite/suite.py has no cells: suite.py cannot be read: "
            "ModuleNotFoundError: No module named 'nothing_of_this_name'"
        ),
        "Fix the suite; `bisect-run scenarios check {tmp}/broken_suite` reads it again.",
    ),
    (
        "no such profile",
        "--repo {engine} --good good --bad bad --profile none",
        "scenario external-lb-dp has no profile 'none'",
        "Profiles: gpu, vllm-cpu, reference, reference-gpu.",
    ),
    (
        "profile for another engine",
        "--repo {engine} --good good --bad bad --profile vllm-cpu",
        "profile vllm-cpu is for an engine with vllm/entrypoints/cli/main.py, which 892f36fbe does not have",
        "Remove --profile to select one automatically, or use another --repo.",
    ),
    (
        "pattern without a cell",
        "--repo {engine} --good good --bad bad --cells *teardown[1] --cells *[7]",
        "no cell matches '*[7]'",
        (
            "Cells: test_external_lb_server_info[1], test_external_lb_single_completion[1], "
            "test_external_lb_completion_streaming[1], test_external_lb_teardown[1], "
            "test_external_lb_server_info[4], test_external_lb_single_completion[4], "
            "test_external_lb_completion_streaming[4], test_external_lb_teardown[4]."
        ),
    ),
    (
        "command and scenario",
        "--repo {project} --good c1 --bad c8 --scenario external-lb-dp -- ./check.sh",
        COMMAND_ALONE,
        LEAVE_OUT,
    ),
    (
        "command and cells",
        "--repo {project} --good c1 --bad c8 --cells *[4] -- ./check.sh",
        COMMAND_ALONE,
        LEAVE_OUT,
    ),
    (
        "command and profile",
        "--repo {project} --good c1 --bad c8 --profile gpu -- ./check.sh",
        COMMAND_ALONE,
        LEAVE_OUT,
    ),
    (
        "command and pytest file",
        "--repo {project} --good c1 --bad c8 --pytest tests/test.py -- ./check.sh",
        COMMAND_ALONE,
        LEAVE_OUT,
    ),
    (
        "command that is not there",
        "--repo {project} --good c1 --bad c8 -- ./none.sh",
        "program './none.sh' not found, on this machine or in the history",
        "Use its path from the repository's root or an absolute path, and make it executable.",
    ),
    (
        "command that begins with a variable",
        "--repo {project} --good c1 --bad c8 -- PYTHONPATH=src pytest",
        "program 'PYTHONPATH=src' not found, on this machine or in the history",
        "Set variables with env: -- env NAME=VALUE COMMAND...",
    ),
    (
        "command of a shell",
        "--repo {project} --good c1 --bad c8 -- source env.sh",
        "program 'source' not found, on this machine or in the history",
        "It is built into shells: -- sh -c 'source ...'",
    ),
    (
        "variable that is not set",
        "--repo {project} --good c1 --bad c8 --pass-env NOT_SET_KEY -- ./check.sh",
        "--pass-env NOT_SET_KEY: this variable is not set",
        "Export it, or remove --pass-env.",
    ),
    (
        "tests from a commit, but which?",
        "--repo {engine} --good good --bad bad --tests-from bad",
        "--tests-from needs --pytest",
        "Add --pytest tests/.",
    ),
    (
        "pytest file that is not there",
        "--repo {engine} --good good --bad bad --pytest tests/none.py",
        "tests/none.py does not exist at 892f36fbe",
        "Use the path from the repository's root.",
    ),
    (
        "pytest file that is not there at the commit asked",
        "--repo {engine} --good good --bad bad --pytest tests/none.py --tests-from good",
        "tests/none.py does not exist at 10cb8ce0a",
        "Use the path from the repository's root.",
    ),
    *(
        (
            f"pytest file that is not in the history: {file}",
            f"--repo {{engine}} --good good --bad bad --pytest '{file}'",
            f"{file} does not exist at 892f36fbe",
            "Use the path from the repository's root.",
        )
        for file in (".", "../setup.py", "/setup.py", ":(glob)**", "refengine/../none.py")
    ),
    *(
        (f"empty argument: {arguments}", arguments, f"--{option} is empty", EMPTY)
        for option, arguments in (
            ("repo", "--repo '' --good good --bad bad -- true"),
            ("repo", "plan --repo '' --good good --bad bad -- true"),
            ("scenario", "--repo {engine} --good good --bad bad --scenario ''"),
            ("profile", "--repo {engine} --good good --bad bad --profile ''"),
            ("pytest", "--repo {engine} --good good --bad bad --pytest ''"),
            ("tests-from", "--repo {engine} --good good --bad bad --pytest setup.py --tests-from ''"),
            ("compare", "repro c8 --repo {project} --compare '' -- true"),
            ("script", "repro c8 --repo {project} --script '' -- true"),
            ("repo", "fixes --repo '' --at bad --revert HEAD -- true"),
        )
    ),
    *(
        (f"no command after --: {arguments}", f"{arguments} --", "there is no command after --", NO_COMMAND)
        for arguments in (
            "--good c1 --bad c8",
            "run --repo {project} --good c1 --bad c8",
            "plan --repo {project} --good c1 --bad c8",
            "repro c8 --repo {project}",
            "fixes --repo {project} --at c8",
        )
    ),
    (
        "an empty command",
        "--repo {project} --good c1 --bad c8 -- ''",
        "the command after -- is empty",
        "Add one after --. Is a shell variable unset?",
    ),
    ("no bad end", "--good a", "Missing option '--bad'", YOUNGER_END),
    ("an option in place of the good end", "--good --bad b", "Missing option '--bad'", YOUNGER_END),
    ("no good end of a fix", "--find fix --bad a", "Missing option '--good'", YOUNGER_END),
    (
        "a plan without a good end",
        "plan --bad a",
        "plan needs --good and --bad",
        "Name both commits. Only `run` can search for a missing one.",
    ),
    (
        "a command in place of the commit",
        "repro --repo {project} --runs 2 -- {project}/check.sh",
        "REV is missing: {project}/check.sh is a file, not a commit",
        "Put the commit before the command: bisect-run repro REV -- ./check.sh",
    ),
    ("report of no session", "report", "there are no sessions yet", NO_SESSIONS),
    ("resume of no session", "resume", "there are no sessions yet", NO_SESSIONS),
    ("report of another session", "report 1999", "no such session: 1999", SESSIONS),
    ("status of another session", "status 1999", "no such session: 1999", SESSIONS),
    ("resume of another session", "resume 1999", "no such session: 1999", SESSIONS),
    (
        "two forms of a report",
        "report --json --markdown",
        "--json and --markdown cannot be used together",
        LEAVE_OUT,
    ),
]
# Errors of Typer, whose wording differs between versions: each row has the text that it must contain.
MISUSES = [
    ("--good a --bad b --none", "--none"),
    ("--good a --bad b --endpoint-runs 0", "--endpoint-runs"),
    ("--good a --bad b --endpoint-runs two", "--endpoint-runs"),
    ("--good a --bad b --deadline 0", "--deadline"),
    ("--good a --bad b --deadline inf", "--deadline"),
    ("--good a --bad b --deadline nan", "--deadline"),
    ("none", "none"),
    ("scenarios none", "none"),
    ("scenarios show", "SCENARIO"),
    ("report one two", "two"),
]
