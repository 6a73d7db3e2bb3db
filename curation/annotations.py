"""The pass ``annotations``: what people said of samples, read from a file.

Its params ``columns`` (what is read and of which type) and ``fields`` (what the file calls it) are mappings; the
others are in `Params`. Where several annotations are about one sample the latest one counts, by its time, else by where
it stands. A sample that nobody annotated has nulls. A value that is not of its type makes an error row.

An annotator is known by a pseudonym, unless the declaration says otherwise: no name reaches the lake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from mmreg.curation.annotation_files import Annotation, read_annotations
from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.errors import UsageError
from mmreg.schemas.suggest import did_you_mean

ANNOTATOR = "annotator"
TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "strings": pa.list_(pa.string()),
}
NAMES = ("pseudonym", "given", "none")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Params:
    path: str = ""
    names: str = "pseudonym"


class Annotations:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "map"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "mapper"
    inputs: ClassVar[Mapping[str, InputType]] = {"sample_id": "any", "*": "any"}
    allow: ClassVar[Collection[str]] = ("constant", "empty")
    files: ClassVar[tuple[str, ...]] = ("path",)
    prefixed: ClassVar[tuple[str, ...]] = (ANNOTATOR,)

    def __init__(self, recipe: Recipe) -> None:
        given = {name: value for name, value in recipe.params.items() if name not in ("columns", "fields")}
        self._params = read_params("annotations", Params, given)
        if self._params.names not in NAMES:
            raise UsageError(f"annotations: 'names' is {self._params.names!r}", hint=f"one of {', '.join(NAMES)}")
        self._columns = _columns(recipe.params.get("columns", {}))
        self._fields = _fields(recipe.params.get("fields", {}), [*self._columns, *recipe.columns])
        self._key = tuple(recipe.columns)
        self._paths: Sequence[Path] = recipe.files.get("path", ())
        self._said: dict[tuple[str, ...], Annotation] = {}
        self._annotated = 0

    def outputs(self) -> pa.Schema:
        return pa.schema([*self._columns.items(), (ANNOTATOR, pa.string())])

    def open(self) -> None:
        for said in self.annotations():
            there = self._said.get(said.key)
            if said.values is not None and (there is None or said.at >= there.at):
                self._said[said.key] = said

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        cells = batch.to_pydict()
        keys = zip(*(map(_as_key, cells[name]) for name in self._key), strict=True)
        rows = [self._row(self._said.get(key)) for key in keys]
        self._annotated += sum(ANNOTATOR in row for row in rows)
        return pa.RecordBatch.from_pylist(rows, pa.schema([*self.outputs(), ("error", pa.string())]))

    def spent(self) -> Mapping[str, float]:
        """How many of the rows were annotated."""
        return {"annotated": self._annotated}

    def annotations(self) -> Iterator[Annotation]:
        """All that is in the files, the annotators by the names that they are to have."""
        for said in read_annotations(self._paths, self._key, self._fields):
            yield Annotation(said.place, said.key, said.values, self._name(said.annotator), said.minutes, said.at)

    def _name(self, annotator: str | None) -> str | None:
        if annotator is None or self._params.names == "none":
            return None
        return annotator if self._params.names == "given" else pseudonym(annotator)

    def _row(self, said: Annotation | None) -> dict[str, Any]:
        if said is None:
            return {}
        assert said.values is not None
        try:
            row = {
                name: _typed(dtype, said.values.get(self._fields.get(name, name)))
                for name, dtype in self._columns.items()
            }
        except ValueError as wrong:
            return {ANNOTATOR: said.annotator, "error": f"unfit_annotation: {said.place}: {wrong}"}
        return {**row, ANNOTATOR: said.annotator}


def pseudonym(annotator: str) -> str:
    """The same for the same name, always. Who has a list of names can find out whose it is."""
    return "human-" + hashlib.sha256(b"mmreg annotator\0" + annotator.encode()).hexdigest()[:8]


def _columns(asked: Any) -> dict[str, pa.DataType]:
    if not isinstance(asked, Mapping):
        raise UsageError("annotations: 'columns' is no mapping", hint="columns: {quality: int, caption: text}")
    for name, kind in asked.items():
        if kind not in TYPES:
            near = did_you_mean(str(kind), TYPES)
            raise UsageError(f"annotations: {kind!r} is no type{near}", hint=f"{name}: one of {', '.join(TYPES)}")
        if name in (ANNOTATOR, "error"):
            raise UsageError(f"annotations: {name!r} is a column of its own", hint=f"fields: {{OTHER: {name}}}")
    return {str(name): TYPES[kind] for name, kind in asked.items()}


def _fields(asked: Any, columns: Sequence[str]) -> dict[str, str]:
    known = [*columns, ANNOTATOR, "minutes", "seconds", "at"]
    if not isinstance(asked, Mapping):
        raise UsageError("annotations: 'fields' is no mapping", hint="fields: {annotator: who}")
    for name in asked:
        if columns and name not in known:
            raise UsageError(f"annotations: 'fields' names {name!r}{did_you_mean(str(name), known)}", hint="fields: {}")
    return {str(name): str(field) for name, field in asked.items()}


def _as_key(cell: Any) -> str:
    return cell.hex() if isinstance(cell, bytes) else str(cell)


def _typed(dtype: pa.DataType, value: Any) -> Any:
    """``value`` as its column has it; text, as CSV has it, is read. Raises `ValueError`."""
    if value is None:
        return None
    if dtype == TYPES["strings"]:
        return [str(item) for item in value] if isinstance(value, list) else [str(value)]
    if isinstance(value, (list, dict)):
        raise ValueError(f"{value!r} is several, where one value is due")
    if dtype == pa.string():
        return str(value)
    if dtype == pa.bool_():
        said = str(value).strip().lower()
        if said not in (*_TRUE, *_FALSE):
            raise ValueError(f"{value!r} is neither true nor false")
        return said in _TRUE
    number = float(value)
    if dtype == pa.float64():
        return number
    if not number.is_integer():
        raise ValueError(f"{value!r} is no integer")
    return int(value) if isinstance(value, int | str) and str(value).lstrip("-").isdigit() else int(number)
