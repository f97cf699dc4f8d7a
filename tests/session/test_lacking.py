"""Contents that a trial lacks are reported at the start, and in the report if all commits fail."""

from __future__ import annotations


def test_pointers_of_lfs_are_named_with_a_check_that_gets_the_files(project):
    rules = {".gitattributes": "*.bin filter=lfs\n", "w.bin": "version https://git-lfs.github.com/spec/v1\n"}
    shas = [project.commit(1, files=rules), *project.commits(1, 1)]
    project.write_check()
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", "./check.sh")
    assert ended.code == 4
    assert "files of Git LFS are pointers in a trial: w.bin" in ended.stderr
    assert "files of Git LFS are pointers in a trial: w.bin" in ended.stdout
    assert """-- sh -c 'git lfs pull || exit 125; exec "$0" "$@"' """ in ended.stdout


def test_missing_contents_are_not_reported_if_the_check_handles_them(project):
    project.commit(0)
    project.git("update-index", "--add", "--cacheinfo", f"160000,{1:040x},lib")
    shas = project.commits(0, 1)
    check = ("sh", "-c", 'git submodule update --quiet || true; exit "$(cat code)"')
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", *check)
    assert ended.code == 0, ended.stderr
    assert "empty in a trial" not in ended.stderr
    assert "empty in a trial" not in ended.stdout


def test_commit_at_the_cut_of_a_shallow_clone_is_suspect(project):
    """A merged branch is longer than the clone is deep: its failure comes from an older commit."""
    good = project.commit(0)
    project.git("switch", "-q", "-c", "topic")
    project.commits(0, 1, 1, 1)
    project.git("switch", "-q", "main")
    bad = project.merge("topic", 1)
    clone = project.path.with_name("shallow")
    project.git("clone", "-q", "--depth", "3", f"file://{project.path}", str(clone))
    project.path = clone
    project.write_check()
    ended = project.run("--good", good, "--bad", bad, "--", "./check.sh")
    assert ended.code == 3, ended.stderr
    assert "the clone is shallow" in ended.stderr
    shown = " ".join(ended.stdout.split())  # a long path wraps the lines
    assert (
        "the parents of the found commit are missing in this shallow clone; "
        "git fetch --unshallow --tags fetches them" in shown
    )
    assert "Last good none, because its parents are not in this shallow clone" in shown
    assert "root commit" not in shown
