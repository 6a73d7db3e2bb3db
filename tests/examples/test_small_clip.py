"""The tiny model: it learns pairs, counts its recall right, and comes back from disk as it was."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
import torch

from mmreg.curation.plugins import checked
from mmreg.curation.protocol import Recipe
from mmreg.schemas.arrow import media_type

Example = Callable[[str], ModuleType]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """So small a model is slower with more, where tests run beside each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def images(example: Example) -> torch.Tensor:
    """64 drawn scenes as the pass of the example prepares them."""
    scenes, pixels = example("scenes"), example("pixels")
    files = [scenes._encoded(index, None) for index in range(64)]
    batch = pa.record_batch({"image": pa.array([{"bytes": file} for file in files], media_type("image"))})
    made = checked("pixels:Pixels", pixels.Pixels)(Recipe())(batch)
    assert made.column("error").null_count == 64
    cells = [torch.frombuffer(bytearray(cell), dtype=torch.uint8) for cell in made.column("pixels").to_pylist()]
    return torch.stack(cells).reshape(-1, 64, 64, 3)


@pytest.fixture
def captions(example: Example) -> list[str]:
    return [example("scenes").Scene.of(index).caption for index in range(64)]


def test_a_picture_that_is_none_is_an_error_row(example: Example) -> None:
    cells = pa.array([{"bytes": b"none"}, None], media_type("image"))
    made = example("pixels").Pixels(Recipe())(pa.record_batch({"image": cells}))
    assert made.column("pixels").null_count == 2
    assert [error.partition(":")[0] for error in made.column("error").to_pylist()] == ["not_an_image", "null_value"]


def test_it_learns_its_pairs_by_heart(example: Example, images: torch.Tensor, captions: list[str]) -> None:
    small_clip = example("small_clip")
    torch.manual_seed(0)
    model, tokenize = small_clip.create("tiny")
    tokens = tokenize(captions)
    losses: list[float] = []
    small_clip.train(model, images, tokens, steps=40, batch=16, seed=0, report=lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0] / 2
    recall = small_clip.recall(model, images, tokens)
    assert recall["t2i"][10] > 3 * 10 / 64
    assert recall["i2t"][10] > 3 * 10 / 64


def test_recall_counts_ties_against_the_model(example: Example) -> None:
    recall = example("small_clip")._recall
    perfect, constant = torch.eye(20), torch.ones(20, 20)
    assert recall(perfect) == {1: 1.0, 5: 1.0, 10: 1.0}
    assert recall(constant) == {1: 0.0, 5: 0.0, 10: 0.0}
    second = torch.eye(20) + 2 * torch.eye(20).roll(1, dims=1)
    assert recall(second) == {1: 0.0, 5: 1.0, 10: 1.0}


def test_open_clip_opens_what_was_saved(
    example: Example, images: torch.Tensor, captions: list[str], tmp_path: Path
) -> None:
    import open_clip
    from PIL import Image

    small_clip = example("small_clip")
    torch.manual_seed(0)
    model, tokenize = small_clip.create("tiny")
    model.to(memory_format=torch.channels_last).eval()
    small_clip.save(model, "tiny", tmp_path)
    again, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    again.eval()
    with torch.inference_mode():
        text = again.encode_text(open_clip.get_tokenizer(f"local-dir:{tmp_path}")(captions))
        assert torch.equal(text, model.encode_text(tokenize(captions)))
        # A picture that open_clip prepares by the saved configuration is the one that was trained on.
        picture = Image.open(io.BytesIO(example("scenes")._encoded(7, None)))
        theirs, ours = preprocess(picture).unsqueeze(0), small_clip._normalised(images[7:8])
        assert (theirs - ours).abs().max() < 0.02
