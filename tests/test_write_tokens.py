"""Write tokens leave the environment while a command runs."""

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.options.run_options import RunOptions
from bisect_tool.options.validate import validate
from bisect_tool.write_tokens import NAMES, removed_from, with_write_tokens


def test_environment_lacks_write_tokens_until_the_end():
    given = {"PATH": "/bin", **dict.fromkeys(NAMES, "secret")}
    environ = dict(given)
    with removed_from(environ):
        assert environ == {"PATH": "/bin"}
        assert with_write_tokens(environ) == given
    assert environ == given
    assert with_write_tokens({}) == {}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_write_tokens_are_not_passed_to_trials(name, monkeypatch):
    monkeypatch.setenv(name, "secret")
    with pytest.raises(UsageError, match=f"--pass-env {name}: write tokens are never passed to trials"):
        validate(RunOptions(bad="HEAD", command=("true",), pass_env=(name,)))
