"""Any project with a command: the results of `git bisect run`, and an unchanged checkout."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from projects import CHECK


def bisect(project, good, bad, *check, options=()):
    """Run the command line with `--json`; it must not change the checkout."""
    before = project.snapshot()
    ended = project.run("--good", good, "--bad", bad, "--json", *options, "--", *(check or ("./check.sh",)))
    assert project.snapshot() == before
    return ended


def culprit_of(ended):
    assert ended.code == 0, ended.stderr
    document = ended.document
    assert (document.command, document.exit_code, document.scenario) == ("run", 0, "")
    (cell,) = document.cells.values()
    assert cell.finding == "culprit"
    assert cell.culprit is not None
    return cell.culprit.sha


def test_dirty_checkout_is_neither_tested_nor_changed(project):
    """With staged, unstaged and untracked changes on a branch."""
    shas = project.commits(0, 0, 0, 1, 1, 1, 1)
    project.write_check()
    project.git("switch", "-q", "-c", "work")
    (project.path / "code").write_text("0\n")
    project.git("add", "code")
    (project.path / "code").write_text("7\n")
    ended = bisect(project, shas[0], "main")
    assert culprit_of(ended) == shas[3]
    assert project.git_bisect(shas[0], shas[-1], "./check.sh") == (0, [shas[3]])
    document = ended.document
    assert document.candidates_total == 6
    assert document.cells["command"].last_good == shas[2]
    assert [trial.purpose for trial in document.trials].count("bad end") == 1
    assert document.failure is not None
    assert document.failure.sha == shas[3]


@pytest.mark.parametrize("culprit", ["on the branch", "the merge"])
def test_culprit_is_a_commit_of_a_branch_or_its_merge(project, culprit):
    good = project.commit(0)
    project.git("switch", "-q", "-c", "topic")
    on_branch = project.commits(0, *([1, 1] if culprit == "on the branch" else [0, 0]))
    project.git("switch", "-q", "main")
    project.commits(0, 0, 0)
    merge = project.merge("topic", 1)
    bad = project.commits(1, 1)[-1]
    project.write_check()
    expected = on_branch[1] if culprit == "on the branch" else merge
    assert culprit_of(bisect(project, good, bad)) == expected
    assert project.git_bisect(good, bad, "./check.sh") == (0, [expected])


def test_first_parent_reports_the_merge(project):
    good = project.commit(0)
    project.git("switch", "-q", "-c", "topic")
    project.commits(0, 1)
    project.git("switch", "-q", "main")
    project.commit(0)
    merge = project.merge("topic", 1)
    bad = project.commit(1)
    project.write_check()
    assert culprit_of(bisect(project, good, bad, options=["--first-parent"])) == merge


def test_exit_codes_up_to_127_are_bad_except_125_which_skips(project):
    shas = project.commits(0, 0, 125, 0, 126, 125, 127)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1])
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (3, "suspect")
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[4]
    assert project.git_bisect(shas[0], shas[-1], "./check.sh") == (0, [shas[4]])


def test_skipped_culprit_leaves_candidates(project):
    shas = project.commits(0, 0, 125, 125, 1, 1)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1])
    assert ended.code == 3
    cell = ended.document.cells["command"]
    assert cell.culprit is None
    assert cell.candidates == tuple(shas[2:5])
    assert {(skip.sha, skip.reason) for skip in cell.skipped} == {(sha, "exit code 125") for sha in shas[2:4]}
    code, left = project.git_bisect(shas[0], shas[-1], "./check.sh")
    assert code != 0
    assert set(left) == set(shas[2:5])


def test_hang_is_distinguished_from_a_failure(project):
    """The hang is bisected: a commit that fails in another way has no verdict."""
    shas = project.commits(0, 1, 0, "hang", "hang")
    project.write_check()
    deadline = project.deadline(0.5, "--rev", shas[0], "--", "./check.sh")
    ended = bisect(project, shas[0], shas[-1], options=["--deadline", deadline, "--endpoint-runs", "1"])
    assert culprit_of(ended) == shas[3]
    assert {trial.outcome for trial in ended.document.trials} >= {"hung", "passed"}
    assert "Hang" in (ended.document.cells["command"].signature or "")


@pytest.mark.parametrize("code", [128, "kill"])
def test_aborting_check_stops_the_run(project, code):
    """It stops git, too. Results are kept, and the session is resumed once the check works."""
    shas = project.commits(0, 0, code, 1, 1)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1])
    assert (ended.code, ended.stdout) == (5, "")
    assert "which stops the run" in ended.stderr
    assert "bisect-run resume" in ended.stderr
    assert project.git_bisect(shas[0], shas[-1], "./check.sh")[0] != 0
    assert project.run("report", "--json").document.exit_code == 5
    project.write_check(CHECK.replace("in\n", f"in\n{code}) exit 0 ;;\n", 1))
    assert project.run("resume").code == 2
    resumed = project.run("resume", "--edited-check", "--json")
    assert culprit_of(resumed) == shas[3]
    assert [trial.purpose for trial in resumed.document.trials].count("bad end") == 1


def test_tracked_check_is_that_of_each_commit(project):
    """Uncommitted changes to it are ignored."""
    files = {"own.sh": CHECK}
    shas = [project.commit(code, files=files) for code in (0, 0, 1, 1)]
    project.write_check("#!/bin/sh\nexit 0\n", "own.sh")
    assert culprit_of(bisect(project, shas[0], shas[-1], "sh", "own.sh")) == shas[2]
    assert project.git_bisect(shas[0], shas[-1], "sh", "own.sh") == (0, [shas[2]])


def test_very_long_command(project):
    """It is longer than a file name may be."""
    shas = project.commits(0, 1, 1)
    program = "import sys;" * 100 + "sys.exit(int(open('code').read()))"
    assert culprit_of(bisect(project, shas[0], shas[-1], sys.executable, "-c", program)) == shas[1]


def test_untestable_good_end_does_not_clear_its_ancestors(project):
    """The culprit is its ancestor: assuming it good would report the commit after it."""
    shas = project.commits(0, 0, 1, 125, 1, 1)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1], options=["--good", shas[3]])
    assert (ended.code, ended.document.cells["command"].finding) == (4, "unverified")
    assert ended.document.cells["command"].culprit is None


def test_branch_from_before_the_good_end_lacks_its_fix(project):
    """The branch was red where it forked: only the failure after the merge is a regression."""
    project.commits(0, 1)
    project.git("checkout", "-q", "-b", "branch")
    project.commits(1, 1, 1)
    project.git("checkout", "-q", "main")
    good = project.commit(0)
    project.merge("branch", 0)
    culprit, bad = project.commits(1, 1)
    project.write_check()
    ended = bisect(project, good, bad)
    assert culprit_of(ended) == culprit


def test_secret_is_neither_passed_to_the_check_nor_stored(project, monkeypatch):
    """If the check reads it from elsewhere and prints it, it is masked before it is stored."""
    shas = project.commits(0, 1)
    values = ("canary-0123", "canary-4567\n", "canary-first line\ncanary-next line\n")
    (project.home.parent / "elsewhere").write_text("\n".join(values))
    project.write_check(f"env\ncat {project.home.parent}/elsewhere\n{CHECK}".replace("#!/bin/sh\n", ""))
    for number, value in enumerate(values):
        monkeypatch.setenv(f"DEPLOY_TOKEN_{number}", value)
    monkeypatch.setenv("BINARY_KEY", "0123456\udcff")
    ended = bisect(project, shas[0], shas[-1], "sh", "./check.sh")
    assert culprit_of(ended) == shas[1]
    assert "canary" not in ended.stdout
    kept = [file.read_bytes() for file in (project.home / "state").glob("store.db*")]
    assert not any(b"canary" in each for each in kept)
    logs = list((project.home / "state").rglob("suite.log"))
    assert not any(b"DEPLOY_TOKEN" in log.read_bytes() for log in logs)


def test_run_from_another_directory(project, tmp_path):
    shas = project.commits(0, 1, 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    project.write_check().rename(elsewhere / "check.sh")
    args = ("--repo", str(project.path), "--good", shas[0], "--bad", shas[-1], "--json", "--", "./check.sh")
    assert culprit_of(project.run(*args, folder=elsewhere)) == shas[1]


def test_missing_program_is_a_usage_error(project):
    shas = project.commits(0, 1)
    ended = bisect(project, shas[0], shas[-1], "./no-such-check.sh")
    assert (ended.code, ended.stdout) == (2, "")
    assert "no-such-check.sh" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_quoted_command_line_is_a_usage_error(project):
    shas = project.commits(0, 1)
    ended = bisect(project, shas[0], shas[-1], "sh -c 'exit 1'")
    assert ended.code == 2
    assert "Do not quote the command as a whole" in ended.stderr


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (0, "Check that CI tested these commits."),
        (1, "The good commit also fails"),
        (
            125,
            "The good or the bad commit gave no result: see the reason above, or use other commits, such as ",
        ),
    ],
)
def test_advice_if_the_ends_do_not_show_the_failure(project, code, advice):
    shas = project.commits(code, code, code)
    project.write_check()
    ended = bisect(project, shas[0], shas[-1])
    assert (ended.code, advice in ended.stderr) == (4, True), ended.stderr
    if code == 0:  # if all is green, only the bad end runs
        assert ended.document.cells["command"].finding == "green"
        assert len(ended.document.trials) == 2


def test_flaky_check_has_no_culprit(project, tmp_path):
    """The check fails and passes in turn at every commit."""
    shas = project.commits(0, 0, 0)
    turn = f'"{tmp_path}/$(git rev-parse HEAD)"'
    project.write_check(f"#!/bin/sh\nif rm {turn}; then exit 0; fi\ntouch {turn}\nexit 1\n")
    ended = bisect(project, shas[0], shas[-1])
    assert ended.code == 3
    assert ended.document.cells["command"].finding == "flaky"
    assert ended.document.cells["command"].culprit is None


def test_relative_argument_in_a_subfolder_is_the_commit_s_own_file(project):
    """The command itself runs at the top of the tree, as with `git bisect run`."""
    folder = project.path / "pkg" / "deep"
    folder.mkdir(parents=True)
    own = "#!/bin/sh\nexit $(cat code)\n"
    shas = [project.commit(code, files={"pkg/deep/own.sh": own}) for code in (0, 0, 1, 1)]
    (folder / "own.sh").chmod(0o755)
    project.git("update-index", "--chmod=+x", "pkg/deep/own.sh")
    project.git("commit", "-q", "--amend", "--no-edit")
    (folder / "own.sh").write_text("#!/bin/sh\nexit 1\n")
    args = ("--good", shas[0], "--bad", "main", "--json", "--", "sh", "own.sh")
    assert culprit_of(project.run(*args, folder=folder)) == shas[2]


def test_the_user_s_environment_reaches_the_check(project, tmp_path, monkeypatch):
    """As under `git bisect run`: modules from elsewhere, and the commit's own in place of the checkout's."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "helper.py").write_text("import own\nanswer = own.answer\n")
    (project.path / "src").mkdir()
    codes = (0, 0, 1, 1)
    shas = [project.commit(code, files={"src/own.py": f"answer = {code}\n"}) for code in codes]
    hook = {"GIT_DIR": f"{project.path}/.git", "GIT_INDEX_FILE": f"{project.path}/.git/index"}
    env = project.env | hook | {"PYTHONPATH": f"{library}:{project.path}/src", "VIRTUAL_ENV": "venv"}
    monkeypatch.setattr(type(project), "env", env)
    program = "import os, sys, helper; assert os.environ['VIRTUAL_ENV']; sys.exit(helper.answer)"
    assert culprit_of(bisect(project, shas[0], shas[-1], sys.executable, "-c", program)) == shas[2]


def with_editable_install(project):
    """A virtual environment with an editable install of the checkout's `src`, which every commit imports."""
    venv = project.path / ".venv"
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (site / "_own.pth").write_text(f"{project.path / 'src'}\n")
    (project.path / "src").mkdir()


def test_editable_install_is_reported_with_a_command_that_avoids_it(project):
    with_editable_install(project)
    shas = [project.commit(code, files={"src/own.py": f"answer = {code}\n"}) for code in (0, 0, 1, 1)]
    python = (".venv/bin/python", "-c", "import own, sys; sys.exit(own.answer)")
    ended = bisect(project, shas[0], shas[-1], *python)
    assert (ended.code, ended.document.cells["command"].finding) == (4, "always red")
    (shadow,) = ended.document.shadows
    assert f"imports the project from your checkout, {project.path}/src" in shadow.found
    assert "the report lists what may hide the commits" in ended.stderr
    args = shlex.split(shadow.rerun)[1:]
    at = args.index("--")
    again = project.run(*args[:at], "--json", *args[at:])
    assert culprit_of(again) == shas[2]
    assert again.document.shadows == ()


def test_script_that_enters_the_checkout_is_reported_despite_a_relative_path(project):
    """PYTHONPATH=src means the checkout's `src` there; the suggested command is not reported again."""
    shas = project.commits(0, 0, 1, 1)
    project.write_check('#!/bin/sh\ncd "$(dirname "$0")"\nPYTHONPATH=src exec sh -c "exit $(cat code)"\n')
    ended = bisect(project, shas[0], shas[-1], "./check.sh")
    assert (ended.code, ended.document.cells["command"].finding) == (4, "always red")
    (shadow,) = ended.document.shadows
    assert "check.sh is run from your checkout, and it changes into its own folder" in shadow.found
    args = shlex.split(shadow.rerun)[1:]
    at = args.index("--")
    again = project.run(*args[:at], "--json", *args[at:])
    assert culprit_of(again) == shas[2]
    assert again.document.shadows == ()


def test_a_culprit_beside_an_editable_install_is_suspect(project):
    """Tests come from the commits, but tested code from the checkout: the culprit only adds a test."""
    with_editable_install(project)
    test = "import own, sys; sys.exit(own.answer)"
    files = ("sys", "sys", f"exec({test!r})", f"exec({test!r})")
    shas = [
        project.commit(0, files={"src/own.py": f"answer = {code}\n", "test.py": f"import sys\n{text}\n"})
        for code, text in zip((0, 0, 0, 1), files, strict=True)
    ]
    ended = bisect(project, shas[0], shas[-1], ".venv/bin/python", "test.py")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding, cell.culprit.sha) == (3, "suspect", shas[2])
    assert "imports src from your checkout at every commit" in cell.note
    assert [shadow.certain for shadow in ended.document.shadows] == [True]
    report = " ".join(project.run("report").stdout.split())
    assert "the culprit may be wrong" in report
    assert "imports the project from your checkout" in ended.stderr.splitlines()[0]
    assert (
        "This commit is only a suspect: the check imports src" in project.run("report", "--markdown").stdout
    )


def test_withheld_secret_is_listed_and_can_be_passed(project, monkeypatch):
    shas = project.commits(0, 0, 1, 1)
    env = project.env | {"LICENSE_KEY": "abcdef123", "OTHER_TOKEN": "0123456789"}
    monkeypatch.setattr(type(project), "env", env)
    check = ("sh", "-c", '[ -n "$LICENSE_KEY" ] && exit $(cat code)')
    ended = bisect(project, shas[0], shas[-1], *check)
    assert ended.document.withheld[0] == "LICENSE_KEY"
    assert "OTHER_TOKEN" in ended.document.withheld
    passed = bisect(project, shas[0], shas[-1], *check, options=["--pass-env", "LICENSE_KEY"])
    assert culprit_of(passed) == shas[2]
    assert "LICENSE_KEY" not in passed.document.withheld
    assert "--pass-env LICENSE_KEY --" in passed.document.rerun


def test_the_text_of_the_check_is_in_the_issue(project):
    shas = project.commits(0, 1)
    script = project.write_check()
    ended = bisect(project, shas[0], shas[1])
    assert ended.document.check is not None
    assert [(file.path, file.text) for file in ended.document.check.files] == [(str(script), CHECK)]
    shown = project.run("report", "--markdown").stdout
    assert "## Check\n\n`check.sh` is not in the repository." in shown
    assert f"```sh\n{CHECK}```\n" in shown
