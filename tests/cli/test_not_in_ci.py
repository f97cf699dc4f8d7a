"""Commands that cannot run in CI say why, and what to do."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fixes", "--at", "main", "--executor", "github"), "CI has no build of a commit with a revert"),
        (("step", "--job", "gpu"), "`git bisect run` chooses the commits of `step`"),
        (("demo", "--executor", "buildkite"), "CI has no builds of the bundled history"),
        (("nightly", "--executor", "buildkite"), "No such option: --executor"),
        (("fixes", "--at", "main", "--unknown"), "No such option: --unknown"),
    ],
)
def test_an_option_of_ci_is_refused_with_the_reason(cli, words, said):
    ended = cli(*words)
    assert (ended.code, ended.out) == (128 if words[0] == "step" else 2, "")
    assert f"error: {said}" in ended.err
