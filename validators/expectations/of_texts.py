"""Expectations about each text of a column: patterns, and what can be read out of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.errors import MissingExtra
from mmreg.validators.expectations.arguments import Asked
from mmreg.validators.expectations.of_columns import column
from mmreg.validators.expectations.rows import Question, of_present
from mmreg.validators.expectations.values import Bools

Fine = Callable[[str], bool]


def match_regex(asked: Asked) -> Question:
    return _all_are(asked, _regex(asked, "regex", asked.text("regex", "(?s).*")), "values do not match")


def not_match_regex(asked: Asked) -> Question:
    return _none_is(asked, [_regex(asked, "regex", asked.text("regex"))])


def match_regex_list(asked: Asked) -> Question:
    return _matched(asked, [_regex(asked, "regex_list", regex) for regex in asked.texts("regex_list")])


def not_match_regex_list(asked: Asked) -> Question:
    return _none_is(asked, [_regex(asked, "regex_list", regex) for regex in asked.texts("regex_list")])


def match_like(asked: Asked) -> Question:
    return _all_are(asked, _like(asked, asked.text("like_pattern")), "values do not match")


def not_match_like(asked: Asked) -> Question:
    return _none_is(asked, [_like(asked, asked.text("like_pattern"))])


def match_like_list(asked: Asked) -> Question:
    return _matched(asked, [_like(asked, like) for like in asked.texts("like_pattern_list")])


def not_match_like_list(asked: Asked) -> Question:
    return _none_is(asked, [_like(asked, like) for like in asked.texts("like_pattern_list")])


def match_strftime(asked: Asked) -> Question:
    form = asked.text("strftime_format")
    if not _does_not_raise(ValueError, lambda: datetime.strptime(datetime.now(UTC).strftime(form), form)):
        raise asked.wrong("strftime_format", f"{form!r} writes times that it cannot read")
    fine = lambda text: _does_not_raise(ValueError, lambda: datetime.strptime(text, form))  # noqa: E731
    return _all_are(asked, fine, f"values are not times written as {form}")


def json_parseable(asked: Asked) -> Question:
    return _all_are(asked, lambda text: _does_not_raise(Exception, lambda: json.loads(text)), "values are not JSON")


def dateutil_parseable(asked: Asked) -> Question:
    try:
        from dateutil.parser import parse  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtra(asked.spec.check, extra="validate") from None
    # Whatever else a text can make it raise: a caption must not end the whole run.
    return _all_are(asked, lambda text: _does_not_raise(Exception, lambda: parse(text)), "values are not dates")


def _matched(asked: Asked, patterns: Sequence[Fine]) -> Question:
    if asked.choice("match_on", "any", "all") == "all":
        return _all_are(asked, lambda text: all(fine(text) for fine in patterns), "values do not match every pattern")
    return _all_are(asked, lambda text: any(fine(text) for fine in patterns), "values match no pattern")


def _none_is(asked: Asked, patterns: Sequence[Fine]) -> Question:
    return _all_are(asked, lambda text: not any(found(text) for found in patterns), "values match")


def _all_are(asked: Asked, fine: Fine, failing: str) -> Question:
    path, _ = column(asked, "text")

    def each(texts: pa.Array[Any]) -> Bools:
        return np.fromiter((fine(text) for text in _texts(texts)), np.bool_, len(texts))

    return Question((path,), of_present(each), failing, failing.partition(" ")[2])


def _texts(cells: pa.Array[Any]) -> list[str]:
    found: list[Any] = cells.to_pylist()
    return found


def _regex(asked: Asked, argument: str, pattern: str) -> Fine:
    """Python's own search, which is what pandas falls back on wherever Arrow's differs."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise asked.wrong(argument, f"{pattern!r} is no pattern: {error}") from None
    return lambda text: search(text) is not None


def _like(asked: Asked, pattern: str) -> Fine:
    """SQL's LIKE over the whole text: ``%`` is anything, ``_`` one character, capitals count."""
    escape = asked.get("escape")
    if escape is not None and (not isinstance(escape, str) or len(escape) != 1):
        raise asked.wrong("escape", "must be one character")
    parts = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(re.escape(next(characters, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    match = re.compile("".join(parts), re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _does_not_raise(refused: type[Exception], read: Callable[[], object]) -> bool:
    try:
        read()
    except refused:
        return False
    return True
