"""What looks like a secret is refused in a file and blotted out in a message."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.schemas.secrets import _TOLD, blotted, in_address, in_option, is_reference, redacted


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("api_key: abc", "api_key: ***"),
        ("{token: 'abc', a: 1}", "{token: '***', a: 1}"),
        ('"password": "abc"', '"password": "***"'),
        ("aws_secret_access_key:  abc", "aws_secret_access_key:  ***"),
        ("repo: https://me:abc@host/x", "repo: https://me:***@host/x"),
        ("uri: https://h/x?a=1&X-Amz-Signature=abc&b=2", "uri: https://h/x?a=1&X-Amz-Signature=***&b=2"),
        ("api_key: env:NAME", "api_key: env:NAME"),
        ("api_key: file:key.txt", "api_key: file:key.txt"),
        ("keep: {from: pairs}", "keep: {from: pairs}"),
        ("caption: abc", "caption: abc"),
        ("uri: https://host:8080/x", "uri: https://host:8080/x"),
    ],
)
def test_a_line_with_its_secrets_blotted_out(line: str, shown: str) -> None:
    assert blotted(line) == shown and len(shown) == len(line)


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("s3://bucket/a:b@c", False),
        ("s3://k:s@bucket", True),
        ("https://user@host/x", False),
        ("https://user:pw@host/x", True),
        ("https://host/x?sig=abc", True),
        ("git@host:path", False),
        ("data/a:b@c", False),
        ("sqlite:///x.db", False),
    ],
)
def test_addresses(address: str, secret: bool) -> None:
    assert in_address(address) is secret


def test_options() -> None:
    assert in_option("aws_secret_access_key", "abc") and in_option("Token", "abc") and in_option("api_KEY", "env:")
    assert not in_option("aws_secret_access_key", "env:A") and not in_option("region", "abc")
    assert is_reference("env:A") and is_reference("file:/x") and not is_reference("environment")


@given(st.from_regex(_TOLD), st.text(max_size=20))
def test_no_text_is_passed_over_that_has_a_secret(secret: str, before: str) -> None:
    """What looks for marks first finds what the pattern finds."""
    text = before + secret
    starred = re.sub(_TOLD, lambda match: "".join(part or "" for part in match.groups()) + "***", text)
    assert redacted(text) == starred
