"""Texts that say nothing of what they are paired with: file names, placeholders, words of agencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_PICTURE = "(?:image|img|photo|photograph|picture|pic|graphic|illustration|video|thumbnail|logo|icon|banner|avatar)"
_SUFFIX = "jpe?g|png|gif|webp|bmp|tiff?|heic|svg|psd|dng|cr2|nef|mp4|mov|avi|webm|mkv|wav|mp3|flac|pdf"
_CAMERA = "img|image|dscn?|dscf|dsc|pict?|photo|picture|screen ?shot|scan|vid|video|mvi|gopr|dji|pxl|p|untitled|file"

PATTERNS: Mapping[str, str] = {
    "a file name": rf"\.(?:{_SUFFIX})$",
    "a name that a camera or a program gave": rf"^(?:{_CAMERA})[\s_\-#.]*\(?\d[\d\s_\-.:()]*$",
    "a placeholder": "|".join(
        [
            r"^[^\pL\pN]*$",
            rf"^(?:an? |the |this )?{_PICTURE}(?: of| here| (?:is )?(?:not (?:found|available)|unavailable))?\W*$",
            rf"^no (?:{_PICTURE}|caption|title|description|alt(?: text)?)(?: available| found)?\W*$",
            r"^(?:n/?a|none|null|nan|undefined|unknown|untitled|todo|tbd)\W*$",
            r"^(?:placeholder|caption|title|description|alt text)\W*$",
            r"^lorem ipsum\b|^click (?:here|to (?:enlarge|zoom|view))\b",
        ]
    ),
    "words of an agency or of a page": "|".join(
        [
            r"\bstock (?:photos?|images?|pictures?|photography|vectors?|illustrations?|footage|videos?)\b",
            r"\broyalty[ -]free\b|\ball rights reserved\b|\bfree (?:download|clip ?art|vector)\b",
            r"\b(?:getty ?images|shutterstock|i ?stock ?photo|adobe ?stock|alamy|dreamstime|depositphotos|123rf)\b",
            rf"^{_PICTURE} (?:credit|courtesy)\b",
        ]
    ),
}
"""In texts as `plain` leaves them, by what they are."""


def plain(texts: pa.StringArray) -> pa.StringArray:
    """Texts in small letters, with one blank for all white space, and none at the ends."""
    lower: Any = pc.utf8_lower(texts)
    trimmed: pa.StringArray = pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, r"[\s\pZ]+", " "))
    return trimmed


def stock(texts: pa.StringArray, phrases: Mapping[str, str]) -> list[str | None]:
    """What each of ``texts``, which are plain, is, by `PATTERNS` and ``phrases`` (patterns, too); None for most."""
    found: list[str | None] = [None] * len(texts)
    for name, pattern in {**PATTERNS, **phrases}.items():
        for row in pc.indices_nonzero(pc.match_substring_regex(texts, pattern=pattern)).to_numpy().tolist():
            found[row] = found[row] or name
    return found
