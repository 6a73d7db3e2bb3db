"""The pass ``caption``: what a multimodal model says of an image, or of several images of one row.

Input ``image`` is a column of images or of lists of images. Any other input that a declaration names has its place
in the prompt: ``{title}`` for an input called ``title``.

Without ``schema`` the answer is one column ``text``. With ``schema``, a JSON Schema of an object, the model is to
answer with JSON and each property of the schema is a typed column: then the pass is of kind ``extract``.

An image that does not decode, an input that is null, a refusal and an answer that is not as the schema says are
error rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.curation.captioner import INCIDENTAL, Captioner, Params, Question, Reply, is_served, open_captioner
from mmreg.curation.embed import needed_model
from mmreg.curation.params import read_params
from mmreg.curation.prompt import Prompt
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.curation.typed_answers import AnswerSchema, Unfit
from mmreg.schemas.cells import values

__all__ = ["Caption", "Params", "TypedCaption"]

PROMPT = "Describe what can be seen in this image."
"""Where a declaration has none."""


class Caption:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "map"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "mapper"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image", "*": "any"}
    incidental: ClassVar[frozenset[str]] = INCIDENTAL

    def __new__(cls, recipe: Recipe) -> Caption:
        return super().__new__(TypedCaption if "schema" in recipe.params else Caption)

    def __init__(self, recipe: Recipe) -> None:
        params = {name: value for name, value in recipe.params.items() if name != "schema"}
        self._params = read_params("caption", Params, params)
        self._schema = AnswerSchema(recipe.params["schema"]) if "schema" in recipe.params else None
        self._captioner: Captioner | None = None
        self._others = [name for name in recipe.columns if name != "image"]
        if recipe.columns:  # else it is only asked which columns it makes
            self._model = needed_model("caption", recipe)
            self._prompt = Prompt(recipe.prompt or PROMPT, self._others)

    @property
    def batch_rows(self) -> int:
        """Rows in one call: few, as each is dear and what was not staged when a run is killed is asked again."""
        return 4 * self._params.concurrency if is_served(self._model) else self._params.batch_size

    def outputs(self) -> pa.Schema:
        return pa.schema([("text", pa.string())])

    def open(self) -> None:
        schema = self._schema.json_schema if self._schema else None
        self._captioner = open_captioner(self._model, self._params, schema)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        assert self._captioner is not None
        asked = list(self._questions(batch))
        replies = iter(self._captioner.ask([row for row in asked if isinstance(row, Question)]))
        answers = [next(replies) if isinstance(row, Question) else Reply(error=row) for row in asked]
        return pa.RecordBatch.from_pylist(
            [self._row(answer) for answer in answers], pa.schema([*self.outputs(), ("error", pa.string())])
        )

    def spent(self) -> Mapping[str, float]:
        """Tokens and money since it was opened."""
        return self._captioner.spending.totals(self._params) if self._captioner else {}

    def served(self) -> Sequence[str]:
        """What a server said that it is: its name of the model and its fingerprint."""
        return sorted(said for said in self._captioner.spending.served if said) if self._captioner else []

    def _questions(self, batch: pa.RecordBatch) -> Iterable[Question | str]:
        """For each row what it asks, or the reason why it cannot."""
        others = batch.select(self._others).to_pylist() if self._others else [{}] * batch.num_rows
        for files, row in zip(_files(batch.column("image")), others, strict=True):
            if not files:
                yield "null_value: there is no image"
            elif None in files:
                yield f"null_value: image {files.index(None) + 1} of {len(files)} is missing"
            else:
                try:
                    yield Question(self._prompt.fill(row), tuple(file for file in files if file is not None))
                except KeyError as missing:
                    yield f"null_value: there is no {missing.args[0]}"

    def _row(self, reply: Reply) -> dict[str, Any]:
        return {"text": reply.text, "error": reply.error}


class TypedCaption(Caption):
    """A caption with a schema."""

    kind: ClassVar[Kind] = "extract"
    role: ClassVar[Role] = "extractor"

    def outputs(self) -> pa.Schema:
        assert self._schema is not None
        return self._schema.columns

    def open(self) -> None:
        assert self._schema is not None
        self._parse = self._schema.parser()
        super().open()

    def _row(self, reply: Reply) -> dict[str, Any]:
        if reply.text is None:
            return {"error": reply.error}
        try:
            return self._parse(reply.text)
        except Unfit as reason:
            return {"error": str(reason)}


def _files(column: pa.Array[Any]) -> list[list[bytes | None]]:
    """The bytes of each row's images; none where the cell is null."""
    if pa.types.is_struct(column.type):
        return [[] if cell is None else [cell] for cell in values(pc.struct_field(column, "bytes"))]
    return [[item and item["bytes"] for item in row or ()] for row in values(column)]
