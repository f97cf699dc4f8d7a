"""Secrets that are known by their form, or by what stands before them, are masked."""

from __future__ import annotations

import pytest

from bisect_tool.sanitise import redact, secret_values


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"cloning with ghp_{'a1' * 18} now", "cloning with *** now"),
        (f"github_pat_{'a1' * 30}", "***"),
        (f"token: hf_{'aB' * 17}", "token: ***"),
        ("xoxb-1234567890-abcdef", "***"),
        ("id AKIAIOSFODNN7EXAMPLE", "id ***"),
        ("Authorization: token abcdef123456", "Authorization: token ***"),
        ("'X-Api-Key': 'abcdef123456'", "'X-Api-Key': '***'"),
        ("https://hooks.slack.com/services/T0/B0/abcdef", "https://hooks.slack.com/***"),
        ("authorization: required because of the disk-0123456789abcdef0123", None),
        ("unexpected token abcdefgh in hf_hub_download", None),
    ],
)
def test_tokens_are_recognised_by_their_form(text, masked):
    assert redact(text, ()) == (masked or text)


LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
"""The alphabet of random text, so that this file contains no token."""


@pytest.mark.parametrize(
    "token",
    [
        f"{prefix}{LETTERS}{LETTERS}"
        for prefix in (
            *("ghp_", "ghs_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-64_", "hf_", "api_org_"),
            *("npm_", "pypi-AgE", "dckr_pat_", "xoxb-", "xoxe.xoxp-1-", "xapp-1-", "12345678:AA", "ya29."),
            *("GOCSPX-", "sk-", "sk-proj-", "sk-ant-api03-", "gsk_", "nvapi-", "hvs.", "ATATT3"),
            *("eyJhbGciOiJI.eyJ", "wandb_v1_", "r8_"),
        )
    ],
)
@pytest.mark.parametrize("around", ["login with {}", "b'one\\n{}'", "t%3D{}", "x={};", '("{}")'])
def test_redact_token_of_a_known_form_anywhere(token, around):
    assert LETTERS not in redact(around.format(token), ())


@pytest.mark.parametrize(
    "url",
    [
        "https://discord.com/api/webhooks/123456789/{}",
        "https://ptb.discordapp.com/api/v10/webhooks/123456789/{}?wait=true",
        "https://hooks.slack-gov.com/services/T0/B0/{}",
        "https://acme.webhook.office.com/webhookb2/{}@1/IncomingWebhook/2/{}",
        "https://prod-1.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sv=1.0&sig={}",
        "http://mattermost:8065/hooks/{}",
        "https://open.feishu.cn/open-apis/bot/v2/hook/{}",
        "https://api.telegram.org/bot12345678:{}/sendMessage",
        "https://maker.ifttt.com/trigger/red/with/key/{}",
        "https://oapi.dingtalk.com/robot/send?access_token={}",
        "https://chat.googleapis.com/v1/spaces/A/messages?key={}&token={}",
        "https://host/x?api_key={}",
        "https://user:a/b#{}?c@host/path",
    ],
)
def test_redact_secret_part_of_a_url(url):
    masked = redact(f"POST {url.format(LETTERS, LETTERS)} failed", ())
    assert LETTERS not in masked
    assert masked.startswith("POST http")
    assert masked.endswith(" failed")


@pytest.mark.parametrize(
    "line",
    [
        "curl -u me:{} https://x",
        "curl -H 'PRIVATE-TOKEN: {}' https://x",
        "Cookie: a=1; session={}",
        'Authorization: Digest username="me", response="{}"',
        "serve --api-key {} --port 1",
        "serve --api-key={}",
        "'--hf-token', '{}'",
        "aws_secret_access_key = {}",
        '{{"SessionToken": "{}"}}',
        '{{"private_key": "{}"}}',
        r"""'{{\"password\": \"{}\"}}'""",
        "Namespace(api_key=['{}'], port=1)",
        "db_password: {}",
        "machine github.com login me password {}",
    ],
)
def test_redact_values_named_as_secrets(line):
    assert LETTERS not in redact(line.format(LETTERS), ())


@pytest.mark.parametrize(
    "line",
    [
        "TypeError: serve() got an unexpected keyword argument 'api_key'",
        "api_key=config.api_key, password=get_password(), secret: str | None = None",
        "the password: something that nobody knows",
        "eos_token='<|endoftext|>', num_prompt_tokens=12345678",
        "see https://docs.github.com/en/webhooks/about-webhooks and /hooks/pre-commit",
        "http://localhost:8000/v1/models?mail=a@b",
        "docker run -u 1000:1000 image; python -u tests/x.py::test_y",
        "git show 27066d1b2bd0dea89d617afa24da611d9a32e36a",
        f"sha256:{'0123456789abcdef' * 4}",
        "export X=/run/x --token $TOKEN --password-file /run/x",
        "task-sk-learn risk-assessment-of-something",
        "bench --stop-token ENDOFTEXT --max-token 128000 --eos-token '<|endoftext|>' --key-file /run/key",
    ],
)
def test_redact_leaves_other_text(line):
    assert redact(line, ()) == line


MARK = "RSA PRIVATE KEY-----"
PEM = [f"-----BEGIN {MARK}", *[(LETTERS * 3)[:64]] * 3, f"-----END {MARK}"]


@pytest.mark.parametrize("part", [slice(0, None), slice(0, 3), slice(2, None), slice(2, 3)])
@pytest.mark.parametrize("between", ["\n", "\\n", "\n2026-03-06T14:23:59Z "])
def test_redact_private_key_whole_or_cut(part, between):
    assert LETTERS not in redact(between.join(["before", *PEM[part], "after"]), ())


@pytest.mark.parametrize("at", [3, 10, 20])
@pytest.mark.parametrize("wrap", ["\n", "  \n    "])
def test_redact_secret_broken_over_two_lines(at, wrap):
    secret = f"s3cr3t{LETTERS}"
    masked = redact(f"with {secret[:at]}{wrap}{secret[at:]} now", {secret})
    pieces = [piece for piece in (secret[:at], secret[at:]) if len(piece) >= 8]
    assert [piece for piece in pieces if piece in masked] == []
    assert masked.startswith("with ")
    assert masked.endswith("*** now")


def test_secret_that_ends_as_a_key_begins_does_not_hide_the_key():
    assert LETTERS[8:] not in redact(f"{PEM[1]}\nnext", {f"https://host/{PEM[1][:16]}"})


def test_token_in_a_variable_of_any_name_is_secret():
    hook, token = f"https://discord.com/api/webhooks/1/{LETTERS}", f"ghp_{LETTERS}"
    assert {hook, token} <= secret_values({"NOTIFY": hook, "X": token, "URL": "https://host/a"})
    assert secret_values({"URL": "https://host/a", "CMAKE_ARGS": "-DX=1"}) == frozenset()
