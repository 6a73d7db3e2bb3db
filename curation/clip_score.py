"""The pass ``clip_score``: how well an image and a text fit together, as a model sees it.

``score`` (float32) is the cosine of the two embeddings, -1 to 1, as it is. CLIPScore of Hessel et al.
(arXiv 2104.08718) is 2.5 * max(score, 0), which a predicate can say, while what is stored loses nothing. An
image that does not decode and a blank text are error rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa

from mmreg.curation.embed import Params, image_vectors, needed_model, text_vectors
from mmreg.curation.encoder import embedding_dimension, open_encoder
from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope


class ClipScore:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "row"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"image": "image", "text": "text"}

    def __init__(self, recipe: Recipe) -> None:
        self._params = read_params("clip_score", Params, recipe.params)
        self._model = needed_model("clip_score", recipe)
        self._dimension = embedding_dimension(self._model)

    def outputs(self) -> pa.Schema:
        return pa.schema({"score": pa.float32()})

    def open(self) -> None:
        self._encoder = open_encoder(self._model, allow_pickle=self._params.allow_pickle)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        images = image_vectors(self._encoder, self._dimension, batch.column("image"), self._params.max_pixels)
        texts = text_vectors(self._encoder, self._dimension, batch.column("text"))
        errors = [image or text for image, text in zip(images.errors, texts.errors, strict=True)]
        cosines = np.einsum("nd,nd->n", images.rows, texts.rows)
        failed = np.array([error is not None for error in errors], bool)
        scores = pa.array(cosines, pa.float32(), mask=failed)
        return pa.record_batch([scores, pa.array(errors, pa.string())], names=["score", "error"])
