"""The example's own pass: one usable caption from a title, a file name and keywords, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.errors import UsageError

COLLECTION = re.compile(
    r"""gramastar | part\ of\ the\ .*collection\b.* | .*\bsvg\ theme | .*\biconset | .*-theme
      | etiquette\ icons | aiga[_ ]symbol[_ ]signs | svg\ gradient\ collection\b.* | svg\ road\ signs
      | map\ symbols | various\ cliparts | homes\ clipart | advertising | r\d+\ sibmission""",
    re.VERBOSE,
)
"""Titles that name the collection which a picture came with, and say nothing of the picture."""
SIGNATURE = re.compile(r"^clipart by [\w ]+ - ")
JUNK = frozenset(
    """hash unsorted theme icons icon magick lemon_theme_icon appicon special shapes stock mapsym
    signs_and_symbols clipart clip_art svg png aiga scene drawn""".split()  # noqa: SIM905
)
"""Keywords that sort files, and say nothing of the picture."""
MOST_WORDS = 20


class CleanCaption:
    """``caption`` = the title, or the file's name where that is boilerplate; then keywords not yet said."""

    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "map"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "mapper"
    inputs: ClassVar[Mapping[str, InputType]] = {"title": "text", "name": "text", "keywords": "text"}

    def __init__(self, recipe: Recipe) -> None:
        if recipe.params:
            raise UsageError(f"CleanCaption takes no params, not {', '.join(recipe.params)}")

    def outputs(self) -> pa.Schema:
        return pa.schema([("caption", pa.string())])

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = (batch.column(name).to_pylist() for name in ("title", "name", "keywords"))
        captions = [clean_caption(*texts) for texts in zip(*columns, strict=True)]
        return pa.record_batch([pa.array(captions, pa.string())], names=["caption"])


def clean_caption(title: str | None, name: str | None, keywords: str | None) -> str | None:
    """The caption, or None where nothing is left that describes a picture."""
    said = _words(_described(title)) or [word for word in _words(name or "") if word not in JUNK]
    for keyword in (keywords or "").lower().split(","):
        if keyword.strip() not in JUNK:
            said += [word for word in _words(keyword) if word not in said]
    return " ".join(said[:MOST_WORDS]) or None


def _described(title: str | None) -> str:
    """What ``title`` says of the picture itself."""
    text = (title or "").strip().lower()
    return "" if COLLECTION.fullmatch(text) else SIGNATURE.sub("", text)


def _words(text: str) -> list[str]:
    """The words of ``text`` without counters, sizes, dates and single letters."""
    return re.findall(r"[^\W\d_]{2,}", text.lower())
