"""The header that has the token of a service."""

from __future__ import annotations

import pytest
import requests

from bisect_tool.ci_results.bearer_token import Bearer
from bisect_tool.errors import UsageError


@pytest.mark.parametrize("token", ["s3cret\n", "s3cret\r", "s3\tcret", "s3cret…"])
def test_token_with_an_invalid_character_is_rejected_without_being_printed(token):
    """The error of the HTTP library would print the header."""
    with pytest.raises(
        UsageError, match=r"^THE_TOKEN contains a character that tokens cannot contain"
    ) as found:
        Bearer(token, "THE_TOKEN")
    assert "s3" not in f"{found.value.message}{found.value.hint}"


def test_token_is_sent_as_a_header():
    request = Bearer("s3cret", "THE_TOKEN")(requests.Request("GET", "http://host/").prepare())
    assert request.headers["Authorization"] == "Bearer s3cret"
