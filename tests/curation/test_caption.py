"""The pass ``caption``: what it asks for a row, what it makes of an answer, and which rows cannot be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from PIL import Image

from mmreg.curation.caption import Caption, TypedCaption
from mmreg.curation.params import incidental
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import LoadedModel, Pass, Recipe
from mmreg.errors import UsageError
from mmreg.registry.weights import opaque_checkpoint
from mmreg.schemas.arrow import media_type
from mmreg.schemas.declared_models import ModelSpec

if TYPE_CHECKING:
    from tests.conftest import ModelServer

IMAGE = media_type("image")
SCHEMA = {"properties": {"objects": {"type": "array", "items": {"type": "string"}}, "count": {"type": "integer"}}}
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def model(model_server: ModelServer) -> LoadedModel:
    spec = ModelSpec(uri=model_server.address, name="tiny", framework="openai")
    return LoadedModel(opaque_checkpoint(spec, "vlm"), None, lambda: model_server.key)


@pytest.fixture
def picture(encode: Callable[..., bytes]) -> Callable[[int], bytes]:
    return lambda number: encode(Image.new("RGB", (9, 8), (number, 80, 90)))


@pytest.fixture
def ask(model: LoadedModel) -> Ask:
    """``ask("prompt", params, image=[...], title=[...])``: the rows that the pass makes of these cells."""

    def ask(prompt: str | None, params: dict[str, Any] | None = None, **columns: list[Any]) -> list[dict[str, Any]]:
        names = {name: name for name in columns}
        operator = Caption(Recipe(params={"retries": 0, **(params or {})}, model=model, prompt=prompt, columns=names))
        operator.open()
        answer = operator(pa.record_batch({name: column(name, cells) for name, cells in columns.items()}))
        assert answer.schema == pa.schema([*operator.outputs(), ("error", pa.string())])
        return answer.to_pylist()

    return ask


def column(name: str, cells: list[Any]) -> pa.Array[Any]:
    if name != "image":
        return pa.array(cells)
    if any(isinstance(cell, list) for cell in cells):
        lists = [cell if cell is None else [one and {"bytes": one} for one in cell] for cell in cells]
        return pa.array(lists, pa.list_(IMAGE))
    return pa.array([cell and {"bytes": cell} for cell in cells], IMAGE)


def seen(*images: bytes) -> str:
    return "+".join(hashlib.sha256(image).hexdigest()[:12] for image in images)


def test_one_image(ask: Ask, picture: Callable[[int], bytes]) -> None:
    one, two = picture(1), picture(2)
    assert ask("what?", image=[one, None, two, b"no image"]) == [
        {"text": f"what? tiny sees {seen(one)}", "error": None},
        {"text": None, "error": "null_value: there is no image"},
        {"text": f"what? tiny sees {seen(two)}", "error": None},
        {"text": None, "error": "not_an_image: no JPEG, PNG, WEBP, GIF, BMP or TIFF that can be read"},
    ]
    assert (ask(None, image=[one])[0]["text"]).startswith("Describe what can be seen in this image.")


def test_several_images_of_a_row_are_asked_about_together(ask: Ask, picture: Callable[[int], bytes]) -> None:
    one, two, three = map(picture, range(3))
    rows = ask("what?", image=[[one, two], [three], [], None, [two, None, one], [one, b"no image"]])
    assert [row["text"] for row in rows[:2]] == [f"what? tiny sees {seen(one, two)}", f"what? tiny sees {seen(three)}"]
    assert [(row["error"] or "").partition(":")[2][:24] for row in rows[2:]] == [
        " there is no image", " there is no image", " image 2 of 3 is missing", " no JPEG, PNG, WEBP, GIF"
    ]  # fmt: skip


def test_other_inputs_have_their_place_in_the_prompt(ask: Ask, picture: Callable[[int], bytes]) -> None:
    rows = ask("{title}: {n} dogs?", image=[picture(1)] * 3, title=["a", None, "c"], n=[1, 2, None])
    assert [row["text"] and row["text"].split(" tiny")[0] for row in rows] == ["a: 1 dogs?", None, None]
    assert [row["error"] for row in rows[1:]] == ["null_value: there is no title", "null_value: there is no n"]


def test_a_schema_makes_typed_columns(ask: Ask, picture: Callable[[int], bytes], model_server: ModelServer) -> None:
    rows = ask("what?", {"schema": SCHEMA}, image=[picture(number) for number in range(6)])
    assert all(row["error"] is None and isinstance(row["count"], int) for row in rows)
    assert all(isinstance(row["objects"], list) for row in rows)
    for kind, reason in (
        ("malformed_json", "malformed_json: "),
        ("missing_key", "unfit_answer: $: 'objects' is a req"),
    ):
        model_server.fail(kind=kind, share=1.0)
        [row] = ask("what?", {"schema": SCHEMA}, image=[picture(1)])
        assert row["objects"] is None and row["count"] is None and row["error"].startswith(reason)
    model_server.fail(kind="refusal", share=1.0)
    [row] = ask("what?", {"schema": SCHEMA}, image=[picture(1)])
    assert row["error"] == "refusal: I cannot describe this picture."


def test_a_caption_with_a_schema_is_an_extract(model: LoadedModel) -> None:
    plain = Caption(Recipe(model=model, columns={"image": "image"}))
    typed = Caption(Recipe(params={"schema": SCHEMA}, model=model, columns={"image": "image"}))
    assert (plain.kind, plain.role) == ("map", "mapper")
    assert isinstance(typed, TypedCaption) and (typed.kind, typed.role) == ("extract", "extractor")
    assert isinstance(typed, Pass) and load_pass("caption") is Caption


def test_what_it_makes_is_known_without_a_model() -> None:
    assert Caption(Recipe()).outputs().names == ["text"]
    assert Caption(Recipe(params={"schema": SCHEMA})).outputs().names == ["objects", "count"]


def test_it_needs_a_model() -> None:
    with pytest.raises(UsageError, match="caption needs a model"):
        Caption(Recipe(columns={"image": "image"}))


def test_calls_are_small_so_that_little_is_asked_again(model: LoadedModel, llava_model: LoadedModel) -> None:
    columns = {"image": "image"}
    assert Caption(Recipe(params={"concurrency": 5}, model=model, columns=columns)).batch_rows == 20
    assert Caption(Recipe(params={"batch_size": 3}, model=llava_model, columns=columns)).batch_rows == 3


def test_what_only_makes_it_fast_or_dear_is_no_part_of_its_recipe() -> None:
    assert incidental(Caption) == {
        "batch_size", "concurrency", "requests_per_minute", "timeout_s", "retries", "price_in", "price_out"
    }  # fmt: skip
    assert incidental(load_pass("text_stats")) == frozenset()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_tokens": 5}, "caption has no param 'max_tokens'; did you mean 'max_new_tokens'"),
        ({"max_new_tokens": "5"}, "the param 'max_new_tokens' is '5', where an integer is due"),
        ({"top_p": 2}, r"'top_p' is 2\.0"),
        ({"schema": []}, "'schema' must be an object with properties"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Caption(Recipe(params=params))


def test_costs_add_up(model: LoadedModel, picture: Callable[[int], bytes]) -> None:
    recipe = Recipe(params={"price_in": 1, "price_out": 4}, model=model, prompt="a b", columns={"image": "image"})
    operator = Caption(recipe)
    operator.open()
    for number in range(3):
        operator(pa.record_batch({"image": column("image", [picture(number)])}))
    assert operator.spent() == {
        "tokens_in": 3 * 87, "tokens_out": 3 * 5, "truncated": 0, "money": pytest.approx((3 * 87 + 60) / 1e6)
    }  # fmt: skip
    assert operator.served() == ["tiny-2026-01-01 fp_fake"]


def test_by_weights_that_are_here(llava_model: LoadedModel, picture: Callable[[int], bytes]) -> None:
    recipe = Recipe(params={"max_new_tokens": 4}, model=llava_model, prompt="what?", columns={"image": "image"})
    operator = Caption(recipe)
    operator.open()
    rows = operator(pa.record_batch({"image": column("image", [picture(1), b"no image", picture(2)])})).to_pylist()
    assert [row["text"] is None for row in rows] == [False, True, False]
    assert operator.spent()["tokens_out"] <= 8 and operator.served() == []
