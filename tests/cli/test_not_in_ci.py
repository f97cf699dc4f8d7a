"""Commands that cannot run in CI print a reason and advice."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fixes", "--at", "main", "--executor", "github"), "`fixes` runs on this machine"),
        (("fixes", "--at", "main", "--job", "gpu"), "`fixes` runs on this machine"),
        (("step", "--job", "gpu"), "`git bisect run` chooses the commits of `step`"),
        (("demo", "--executor", "ray"), "`demo` runs on this machine only"),
        (("nightly", "--executor", "buildkite"), "No such option: --executor"),
        (("fixes", "--at", "main", "--unknown"), "No such option: --unknown"),
    ],
)
def test_ci_option_is_rejected_with_the_reason(cli, arguments, message):
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (128 if arguments[0] == "step" else 2, "")
    assert f"error: {message}" in ended.err
