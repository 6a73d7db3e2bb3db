"""language: texts are in the languages that they should be in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import pyarrow as pa
from pydantic import Field

from mmreg.errors import MissingExtra
from mmreg.schemas.check import CheckResult, Histogram
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import demand, different, is_text, texts
from mmreg.validators.libraries import installed
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table
from mmreg.validators.tally import Tally, short
from mmreg.validators.unknown import unknown

_SURE = 0.5
_CHARACTERS = 1_000
_SHOWN = 12
_UNSURE = "(unsure)"


class Arguments(Declared):
    column: str
    languages: tuple[str, ...] = Field(strict=False, min_length=1)


class Language(RowCheck):
    """Every text whose language can be told is in one of the languages; null is not examined.

    py3langid tells languages of the first 1,000 characters, as ISO 639 codes (``en``). A text passes where no language
    has a probability of a half: few words, names, numbers. How many those are is told, too.
    """

    version = f"1, {installed('py3langid')}"
    extra = "language"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._column, self._languages = arguments.column, arguments.languages
        demand("language", table, self._column, is_text, "a column of texts")
        known = _identifier().labels
        for language in self._languages:
            if language not in known:
                raise unknown("language", language, known)
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)
        self._texts: Counter[str] = Counter()

    def update(self, batch: pa.RecordBatch) -> None:
        column = texts(batch, self._column)
        told = _languages(column)
        self._texts.update(language for language in told if language is not None)
        fine = {None, _UNSURE, *self._languages}
        self._tally.add(
            batch,
            examined=len(column) - column.null_count,
            failed=pa.array([language not in fine for language in told], pa.bool_()),
            describe=lambda row: (short(column[row].as_py()), f"looks like {told[row]}"),
        )

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "texts": dict(self._texts)}

    def merge(self, state: Mapping[str, Any]) -> None:
        super().merge(state)
        self._texts.update(state["texts"])

    def result(self) -> CheckResult:
        result = self._tally.result(f"texts are not in {' or '.join(self._languages)}")
        if not result.examined:
            return result
        unsure = self._texts[_UNSURE]
        told = f"{result.message}; of {unsure:,} the language cannot be told" if unsure else result.message
        shares = {language: count / result.examined for language, count in self._texts.items()}
        return replace(
            result,
            message=told,
            numbers={"unsure": unsure / result.examined} | {one: shares.get(one, 0.0) for one in self._languages},
            histograms=(self._drawn(),),
        )

    def _drawn(self) -> Histogram:
        most = sorted(self._texts, key=lambda language: (-self._texts[language], language))[:_SHOWN]
        counts = [self._texts[language] for language in most]
        others = self._texts.total() - sum(counts)
        labels = (*most, "(other)") if others else tuple(most)
        return Histogram(self._column, {"texts": (*counts, others) if others else tuple(counts)}, labels=labels)


def _languages(column: pa.StringArray) -> list[str | None]:
    """Of each text; each different one is looked at once."""
    every, of_row = different(column)
    found = [_language(str(text)) for text in every.to_pylist()]
    return [None if one < 0 else found[one] for one in of_row.tolist()]


def _language(text: str) -> str:
    language, probability = _identifier().classify(text[:_CHARACTERS])
    return language if probability >= _SURE and language != "zxx" else _UNSURE  # zxx: no language at all


@cache
def _identifier() -> Any:
    """The model that py3langid ships, read once."""
    try:
        langid: Any = import_module("py3langid.langid")  # it has no type hints
    except ImportError as error:
        raise MissingExtra("the check language", extra="language") from error
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
