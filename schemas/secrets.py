"""What looks like a secret, so that none is accepted in a file or repeated in a message."""

from __future__ import annotations

import re

_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]+@|[?&](X-Amz-Signature|X-Goog-Signature|sig|token)=", re.IGNORECASE)
_KEY = re.compile(r"key|secret|token|password", re.IGNORECASE)
_REFERENCE = re.compile(r"(env|file):.+")
_IN_TEXT = re.compile(
    r"((?:key|secret|token|password)\w*[\"']?\s*:\s*[\"']?)(?!env:|file:)([^\s,}\"']+)"
    r"|(://[^/\s:@]*:)([^/\s@]+)(?=@)"
    r"|([?&](?:X-Amz-Signature|X-Goog-Signature|sig|token)=)([^\s&,}\"']+)",
    re.IGNORECASE,
)


def in_address(address: str) -> bool:
    """Whether a path or URI carries a password or a signature."""
    return bool(_IN_ADDRESS.search(address))


def in_option(key: str, value: str) -> bool:
    """Whether an option that is named like a secret holds one, rather than ``env:NAME`` or ``file:PATH``."""
    return bool(_KEY.search(key)) and not is_reference(value)


def is_reference(value: str) -> bool:
    """Whether ``value`` says where a secret is: ``env:NAME`` or ``file:PATH``."""
    return bool(_REFERENCE.fullmatch(value))


def blotted(line: str) -> str:
    """``line`` of a file with stars over what looks like a secret, as long as before."""

    def stars(match: re.Match[str]) -> str:
        kept, hidden = (group for group in match.groups() if group is not None)
        return kept + "*" * len(hidden)

    return _IN_TEXT.sub(stars, line)
