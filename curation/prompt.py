"""Prompts with places for a row's other inputs: ``{title}`` is where the row's title goes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from mmreg.errors import UsageError
from mmreg.schemas.suggest import did_you_mean

_PLACE = re.compile(r"\{(\{[A-Za-z0-9][\w-]*\})\}|\{([A-Za-z0-9][\w-]*)\}")
"""Group 1: a name in two pairs of braces, which stands for itself in one. Any other brace is a brace."""


class Prompt:
    """A text whose every ``{name}`` is one of ``inputs``, and which uses all of them."""

    def __init__(self, text: str, inputs: Collection[str]) -> None:
        self._text = text = text.strip()  # editors end a file with a line break
        named = {match[2] for match in _PLACE.finditer(text)} - {None}
        for name in sorted(named - set(inputs)):
            raise UsageError(
                f"the prompt has a place for {name!r}, which is no input{did_you_mean(name, inputs)}",
                hint=f"inputs: {{{name}: COLUMN}}, or {{{{{name}}}}} in the prompt where it means itself",
            )
        for name in sorted(set(inputs) - named):
            raise UsageError(
                f"the input {name!r} has no place in the prompt", hint=f"write {{{name}}} where it belongs, or drop it"
            )

    def fill(self, row: Mapping[str, Any]) -> str:
        """The prompt for a row. Raises `KeyError` with the name of an input that is null."""
        return _PLACE.sub(lambda match: match[1] or _said(match[2], row), self._text)


def _said(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None:
        raise KeyError(name)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
