"""Images as a lake holds them, and a way to run a pass on a column."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import LoadedModel, Recipe
from mmreg.schemas.arrow import media_type


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image.Image]:
    """``scene(seed, width, height)``: soft shapes of many colours, much like a photograph to a codec."""

    def scene(seed: int = 0, width: int = 160, height: int = 120) -> Image.Image:
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
        return Image.fromarray(np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8))

    return scene


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """``encode(image, "JPEG", quality=90)``: the bytes of a file."""

    def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def answer() -> Callable[..., list[dict[str, Any]]]:
    """``answer("image_stats", image=[...bytes...])``: the rows that a pass makes of columns of cells."""

    def answer(
        use: str,
        params: dict[str, Any] | None = None,
        model: LoadedModel | None = None,
        **columns: Sequence[Any],
    ) -> list[dict[str, Any]]:
        operator = load_pass(use)(
            Recipe(params=params or {}, model=model, columns={name: name for name in columns})
        )
        operator.open()
        arrays = {name: _column(name, cells) for name, cells in columns.items()}
        made = operator(pa.record_batch(arrays))
        promised = operator.outputs()
        assert made.schema.names[: len(promised)] == promised.names
        assert [made.schema.field(name).type for name in promised.names] == promised.types
        return made.to_pylist()

    return answer


def _column(name: str, cells: Sequence[Any]) -> pa.Array[Any]:
    if name != "image":
        return pa.array(cells, pa.string())
    return pa.array([None if cell is None else {"bytes": cell} for cell in cells], media_type("image"))
