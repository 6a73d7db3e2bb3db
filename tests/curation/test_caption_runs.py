"""Caption passes from the declaration to the lake: errors kept, only they asked again, costs and secrets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mmreg.curation import runner
from mmreg.curation.apply import apply
from mmreg.errors import UsageError

if TYPE_CHECKING:
    from tests.conftest import ModelServer

DECLARATION = """
version: 1
project: captions
lake: {lake}
models:
  vlm: {{uri: "ADDRESS", name: tiny, framework: openai, api_key: env:VLM_KEY}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  recap:
    from: pairs
    use: caption
    model: vlm
    prompt: prompt.txt
    inputs: {{image: image, old: caption}}
    outputs: {{text: recaption}}
    params: {{retries: 0, price_in: 1.0, price_out: 10.0}}
    max_error_rate: 1
"""
ROWS = 60


@pytest.fixture
def captions(project: Callable[..., Any], model_server: ModelServer) -> Callable[..., Any]:
    """``captions(pass_changes)``: a project of sixty pictures whose captions a server renews."""

    def captions(old: str = "", new: str = "", images: int = ROWS) -> Any:
        text = DECLARATION.replace("ADDRESS", model_server.address)
        assert old in text
        made = project(0, text.replace(old, new) if old else text)
        for number in range(images):
            made.draw(f"{number:03}", f"picture {number}", seed=1000 + 37 * number)
        (made.folder / "prompt.txt").write_text("Say more than: {old}")
        return made

    return captions


def change(made: Any, old: str, new: str) -> None:
    file = made.folder / "mmreg.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def rows_of(made: Any, ref: str = "pairs@latest") -> list[dict[str, Any]]:
    return list(made.open().query(ref, columns=["caption", "recaption", "_mmreg_recap"]))


def step(report: Any, name: str = "recap") -> Any:
    return next(found for found in report.steps if found.name == name)


@pytest.mark.parametrize("kind", ["500", "cut", "refusal"])
def test_a_server_that_fails_for_some_rows(captions: Any, model_server: ModelServer, kind: str) -> None:
    made = captions()
    model_server.fail(kind=kind, share=0.2)
    first = step(made.apply())
    found = rows_of(made)
    assert len(found) == ROWS
    failed = {row["caption"]: row["_mmreg_recap"]["error"] for row in found if row["recaption"] is None}
    assert 0 < len(failed) == first.errors < ROWS / 2 and all(failed.values())
    assert all(row["_mmreg_recap"]["error"] is None for row in found if row["recaption"] is not None)
    assert all(
        row["recaption"].startswith(f"Say more than: {row['caption']} tiny sees ") for row in found if row["recaption"]
    )

    model_server.fail()
    model_server.forget()
    assert step(made.apply()).outcome == "unchanged", "an error is kept until somebody asks"
    assert model_server.calls()["prompts"] == []
    again = step(apply(made.open(), ["recap"], errors_only=True))
    assert (again.computed, again.errors) == (len(failed), 0)
    assert sorted(model_server.calls()["prompts"]) == sorted(f"Say more than: {caption}" for caption in failed)
    assert all(row["recaption"] for row in rows_of(made))


def test_failed_rows_are_tried_again_where_it_is_declared(
    captions: Any, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PAUSE_S", 0.0)
    made = captions("max_error_rate: 1", "max_error_rate: 1\n    on_error: retry", images=20)
    model_server.fail(kind="500", share=0.5, times=1)
    assert step(made.apply()).errors == 0
    assert all(row["recaption"] for row in rows_of(made))
    assert max(model_server.calls()["images"].values()) == 2


def test_a_row_that_came_costs_one_call_and_a_faster_pass_none(captions: Any, model_server: ModelServer) -> None:
    made = captions(images=12)
    made.apply()
    made.draw("new", "a new one")
    model_server.forget()
    made.apply()
    assert model_server.calls()["prompts"] == ["Say more than: a new one"]
    model_server.forget()
    change(made, "price_in: 1.0", "price_in: 2.0, concurrency: 2, timeout_s: 7")
    assert step(made.apply()).outcome == "unchanged"
    assert model_server.calls()["prompts"] == []
    change(made, "timeout_s: 7", "timeout_s: 7, temperature: 0.5")
    assert step(made.apply()).computed == 13
    (made.folder / "prompt.txt").write_text("Say less than: {old}")
    assert step(made.apply()).computed == 13


def test_what_it_cost_is_in_the_run(captions: Any) -> None:
    made = captions(images=10)
    made.apply()
    run = made.open().catalog.last_run("pass", "recap")
    cost = run.facets["pass"]["cost"]
    tokens_in, tokens_out = 10 * (85 + 5), 10 * 8
    assert (cost["calls"], cost["tokens_in"], cost["tokens_out"], cost["truncated"]) == (10, tokens_in, tokens_out, 0)
    assert cost["money"] == pytest.approx((tokens_in * 1 + tokens_out * 10) / 1e6)
    assert [(used.kind, used.role) for used in run.inputs if used.role != "used"] == [("checkpoint", "curated_by")]


def test_the_server_is_known_by_what_it_says_of_itself(captions: Any, model_server: ModelServer) -> None:
    made = captions(images=3)
    made.apply()
    model = made.open().model("vlm")
    assert (model.opaque, model.path, model.uri) == (True, None, model_server.address)
    [(said, first_seen)] = model.facts["served"].items()
    assert said == "tiny-2026-01-01 fp_fake" and first_seen.startswith("20")
    before = len(made.open().runs("model"))
    made.draw("more", "more")
    made.apply()
    assert made.open().model("vlm").facts["served"] == {said: first_seen}
    assert len(made.open().runs("model")) == before, "nothing new was said"


def test_the_key_is_nowhere(captions: Any, model_server: ModelServer, capfd: pytest.CaptureFixture[str]) -> None:
    made = captions(images=12)
    model_server.fail(kind="429", share=0.5)
    made.apply()
    errors = [row["_mmreg_recap"]["error"] for row in rows_of(made) if row["recaption"] is None]
    assert errors and all("Bearer ***" in error for error in errors)
    files = [file for file in made.folder.rglob("*") if file.is_file()]
    assert len(files) > 20
    assert [file for file in files if model_server.key.encode() in file.read_bytes()] == []
    told = capfd.readouterr()
    assert model_server.key not in told.out + told.err


def test_planning_needs_no_key(captions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmreg.curation.plan import plan

    made = captions(images=2)
    made.apply("pairs", "vlm")
    monkeypatch.delenv("VLM_KEY")
    assert [(found.action, found.rows) for found in plan(made.open(), ["recap"]).steps] == [("run", 2)]
    with pytest.raises(UsageError, match="the environment variable VLM_KEY is not set"):
        made.apply("recap")


def test_an_address_that_took_another_s_place_does_not_get_its_key(captions: Any, monkeypatch: Any) -> None:
    made = captions(images=1)
    made.apply()
    old = made.open().model("vlm")
    change(made, "uri:", "revision: other, uri:")
    made.apply()
    new = made.open().model("vlm")
    assert old.digest != new.digest
    from mmreg.schemas.refs import ModelRef

    change(made, old.uri, "http://127.0.0.1:9/v1")
    assert made.open().loaded_model(ModelRef("vlm", old.digest[:12])).secret is None
    assert made.open().loaded_model(ModelRef("vlm")).secret is not None


def test_typed_answers_are_columns_that_a_selection_can_use(captions: Any) -> None:
    made = captions(
        "outputs: {{text: recaption}}\n    params: {{",
        "outputs: {{style: look, count: count}}\n    params: {{schema: {{properties: "
        "{{style: {{enum: [photo, drawing]}}, "
        "count: {{type: integer}}, parts: {{type: array, items: {{type: string}}}}}}}}, ",
        images=8,
    )
    change(made, "passes:", 'passes:\n  keep: {from: pairs, into: kept, use: filter, where: "count >= 5"}')
    made.apply()
    found = list(made.open().query("pairs@latest", columns=["look", "count", "parts"]))
    assert {row["look"] for row in found} <= {"photo", "drawing"}
    assert made.open().rows_of("kept") == sum(row["count"] >= 5 for row in found)
    assert made.open().catalog.last_run("pass", "recap").facets["pass"]["kind"] == "extract"


def test_whatever_goes_wrong_a_row_has_its_columns_or_its_error(captions: Any, model_server: ModelServer) -> None:
    made = captions(
        "outputs: {{text: recaption}}\n    params: {{",
        "params: {{schema: {{properties: {{style: {{enum: [photo, drawing]}}, count: {{type: integer}}}}}}, ",
    )
    model_server.fail(kind="mixed", share=0.5)
    errors = step(made.apply()).errors
    found = list(made.open().query("pairs@latest", columns=["style", "count", "_mmreg_recap"]))
    failed = [row["_mmreg_recap"]["error"] for row in found if row["_mmreg_recap"]["error"] is not None]
    assert len(found) == ROWS and len(failed) == errors > 10
    assert len({reason.partition(":")[0] for reason in failed}) >= 6
    assert all(
        (row["style"] is None) == (row["count"] is None) == (row["_mmreg_recap"]["error"] is not None) for row in found
    )


LISTS = """
version: 1
project: sequences
lake: {lake}
models:
  cap: {{uri: model, framework: transformers}}
datasets:
  stories:
    source: {{type: jsonl, path: stories.jsonl}}
    columns:
      frames: {{type: list, items: image, STORAGE}}
      title: {{type: text}}
passes:
  tell:
    from: stories
    use: caption
    model: cap
    inputs: {{image: frames, title: title}}
    prompt: prompt.txt
    params: {{max_new_tokens: 4, batch_size: 2}}
"""


@pytest.mark.parametrize("storage", ["inline", "reference"])
def test_several_images_of_a_row_by_weights_that_are_here(
    project: Callable[..., Any], llava_model: Any, storage: str
) -> None:
    made = project(0, LISTS.replace("STORAGE", f"storage: {storage}"))
    shutil.copytree(llava_model.path, made.folder / "model")
    (made.folder / "prompt.txt").write_text("what happens in {title}?")
    stories = {"one": [1], "two": [1, 2], "three": [2, 1], "four": [3, 2, 1]}
    for number in (1, 2, 3):
        Image.new("RGB", (40, 30), (70 * number, 255 - 60 * number, 30 * number)).save(made.folder / f"{number}.png")
    lines = [{"frames": [f"{n}.png" for n in frames], "title": title} for title, frames in stories.items()]
    (made.folder / "stories.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert step(made.apply(), "tell").computed == 4
    told = {row["title"]: row["text"] for row in made.open().query("stories@latest", columns=["title", "text"])}
    assert all(told.values()) and len(told) == 4
    assert step(made.apply(), "tell").outcome == "unchanged"
    lines[1]["frames"] = ["1.png", "3.png"]
    Path(made.folder / "stories.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert step(made.apply(), "tell").computed == 1
