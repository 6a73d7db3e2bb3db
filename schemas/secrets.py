"""What looks like a secret, so that none is accepted in a file, kept in a record or repeated in a message."""

from __future__ import annotations

import re

_SIGNED = (
    r"X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature|sig|signature|token|access_token|api_?key|(?:ssl)?password"
)
_TOKENS = (
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\bsk-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9][A-Za-z0-9_-]{19,}"  # OpenAI and those that do as it does
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{35}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_IN_ADDRESS = rf"(?i)://[^/@\s]*:[^/@\s]+@|[?&]({_SIGNED})="
_KEY = r"(?i)key|secret|token|password"
_REFERENCE = r"(env|file):.+"
_IN_TEXT = (
    r"(?i)((?:key|secret|token|password)\w*[\"']?\s*:\s*[\"']?)(?!env:|file:)([^\s,}\"']+)"
    r"|(://[^/\s:@]*:)([^/\s@]+)(?=@)"
    rf"|([?&](?:{_SIGNED})=)([^\s&,}}\"']+)"
    rf"|()((?-i:{_TOKENS}))"
)
_TOLD = (
    r"(?i)(?P<userinfo>://)[^/\s@\"'<>:]*:[^/\s@\"'<>]*(?=@)"
    rf"|(?P<query>[?&](?:{_SIGNED})=)[^\s&\"'<>)\\]+"
    r"|(?P<header>\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}"
    rf"|(?-i:{_TOKENS})"
)
# Patterns are compiled by what first needs them, and kept by `re`: most commands look at no text of this kind.
_MARKS = (
    "://",
    "?",
    "&",
    "bearer",
    "akia",
    "asia",
    "hf_",
    "sk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "aiza",
    "-----begin",
)
"""In lower case: without one of these nothing in a text is `_TOLD`."""


def in_address(address: str) -> bool:
    """Whether a path or URI carries a password or a signature."""
    return bool(re.search(_IN_ADDRESS, address))


def in_option(key: str, value: str) -> bool:
    """Whether an option that is named like a secret holds one, rather than ``env:NAME`` or ``file:PATH``."""
    return bool(re.search(_KEY, key)) and not is_reference(value)


def is_reference(value: str) -> bool:
    """Whether ``value`` says where a secret is: ``env:NAME`` or ``file:PATH``."""
    return bool(re.fullmatch(_REFERENCE, value))


def is_token(text: str) -> bool:
    """Whether a key that some service gave out stands in ``text``, by its shape."""
    return bool(re.search(_TOKENS, text))


def redacted(text: str) -> str:
    """``text`` with ``***`` for what is a secret wherever it stands: tokens, passwords and signatures in addresses.

    Of JSON it leaves JSON. A secret without such a shape is not seen: who knows it keeps it out.
    """
    lower = text.lower()
    if not any(mark in lower for mark in _MARKS):  # as it is with most records: fifty times as fast
        return text
    return re.sub(_TOLD, lambda match: "".join(part or "" for part in match.groups()) + "***", text)


def blotted(line: str) -> str:
    """``line`` of a file with stars over what looks like a secret, as long as before."""

    def stars(match: re.Match[str]) -> str:
        kept, hidden = (group for group in match.groups() if group is not None)
        return kept + "*" * len(hidden)

    return re.sub(_IN_TEXT, stars, line)
