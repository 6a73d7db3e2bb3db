"""Digests of tensors: what they are and not what they are called; the parts of models by the names of their tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from mmreg.errors import IntegrityError
from mmreg.registry.safetensors import Tensor, TensorDigests, components, digest_of_tensors, tensors_of
from mmreg.registry.weights import digest_weights

ARRAYS = st.dictionaries(
    st.text("abc.", min_size=1, max_size=6),
    st.lists(st.integers(0, 255), max_size=9).map(lambda numbers: np.array(numbers, np.uint8)),
    max_size=6,
)


def digested(data: bytes, file: Path, piece: int = 1 << 20) -> list[tuple[Tensor, str]]:
    file.write_bytes(data)
    fed = TensorDigests(tensors_of(file, len(data)))
    for start in range(0, len(data), piece):
        fed.update(data[start : start + piece])
    return fed.digested


@given(arrays=ARRAYS, piece=st.integers(1, 40), data=st.data())
def test_names_order_files_and_pieces_do_not_count(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], piece: int, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("st") / "m.safetensors"
    whole = digested(save(arrays), file)
    assert sorted(tensor.name for tensor, _ in whole) == sorted(arrays)
    renamed = {f"x.{number}": array for number, array in enumerate(data.draw(st.permutations(list(arrays.values()))))}
    cut = data.draw(st.integers(0, len(renamed)))
    shards = [dict(list(renamed.items())[:cut]), dict(list(renamed.items())[cut:])]
    split = [one for shard in shards for one in digested(save(shard), file, piece)]
    assert digest_of_tensors(split) == digest_of_tensors(whole)


@given(arrays=ARRAYS.filter(lambda arrays: any(array.size for array in arrays.values())), data=st.data())
def test_every_number_counts(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray], data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("st") / "m.safetensors"
    before = digest_of_tensors(digested(save(arrays), file))
    name = data.draw(st.sampled_from([name for name, array in arrays.items() if array.size]))
    arrays[name] = arrays[name].copy()
    arrays[name][data.draw(st.integers(0, arrays[name].size - 1))] ^= 1
    assert digest_of_tensors(digested(save(arrays), file)) != before


def test_the_rule_never_changes(tmp_path: Path) -> None:
    """Digests are kept in records: `sha256sum` over the lines of the rule gives the same."""
    found = digested(save({"a": np.zeros((2, 1), np.float32), "b": np.ones(1, np.uint8)}), tmp_path / "m.safetensors")
    assert digest_of_tensors(found) == "a6baf6d46af97716c07f3e6594a5d3dcb994738b5ff6809dc9b81790778decec"


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        # LLaVA, before and after its classes were wrapped once more
        (("vision_tower.x", "multi_modal_projector.x", "language_model.x"), {"vision", "projector", "text"}),
        (("model.vision_tower.x", "model.language_model.x", "lm_head.weight"), {"vision", "text"}),
        # CLIP as transformers, as open_clip, and wrapped for training on several machines
        (("vision_model.x", "text_model.x", "visual_projection.x", "logit_scale"),
         {"vision", "text", "projector", "rest"}),
        (("visual.x", "transformer.x", "positional_embedding", "logit_scale"), {"vision", "text", "rest"}),
        (("module.visual.x", "module.text.x"), {"vision", "text"}),
        # Qwen2-VL, BLIP-2
        (("visual.blocks.0", "visual.merger.x", "model.layers.0.x"), {"vision", "projector", "text"}),
        (("vision_model.x", "qformer.x", "query_tokens", "language_projection.x", "language_model.x"),
         {"vision", "qformer", "projector", "text"}),
        # of one part
        (("encoder.layer.0", "pooler.x"), set()),
        (("model.layers.0.x", "model.embed_tokens.x", "lm_head.weight"), set()),
        (("visual.x",), set()),
    ],
)  # fmt: skip
def test_the_parts_of_models(tmp_path: Path, names: tuple[str, ...], parts: set[str]) -> None:
    found = digested(save({name: np.zeros(2, np.float32) for name in names}), tmp_path / "m.safetensors")
    told = components(found)
    assert {part.name for part in told} == parts
    assert sum(part.parameters or 0 for part in told) == (2 * len(names) if parts else 0)


def test_an_encoder_has_one_digest_alone_and_in_a_larger_model(tmp_path: Path) -> None:
    encoder = {"blocks.0": np.arange(6, dtype=np.float32), "blocks.1": np.ones((2, 2), np.float16)}
    save_file(encoder, tmp_path / "encoder.safetensors")
    both = {f"vision_tower.{name}": array for name, array in encoder.items()}
    save_file({**both, "language_model.x": np.zeros(1, np.float32)}, tmp_path / "both.safetensors")
    alone = digest_weights(tmp_path / "encoder.safetensors", name="encoder")
    whole = digest_weights(tmp_path / "both.safetensors", name="both")
    (vision,) = (part for part in whole.components if part.name == "vision")
    assert vision.digest == alone.facts["tensors_sha256"]
    assert vision.parameters == 10


@pytest.mark.parametrize(
    ("entry", "size", "said"),
    [
        ({"a": [0, 4], "b": [2, 6]}, 6, "two of its tensors share bytes"),
        ({"a": [4, 0]}, 4, "header cannot be read"),
        ({"a": [0, 4]}, 5, "is not whole"),
        ({"a": [0, -1]}, 1, "header cannot be read"),
    ],
)
def test_tensors_where_none_can_be(tmp_path: Path, entry: dict[str, list[int]], size: int, said: str) -> None:
    header = json.dumps({n: {"dtype": "U8", "shape": [4], "data_offsets": at} for n, at in entry.items()}).encode()
    file = tmp_path / "m.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(IntegrityError, match=said):
        digest_weights(file, name="bad")
