"""The parts of models: told from files, said by people, checked against each other; and the edges that they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.plan import plan
from mmreg.errors import NotFound, UsageError
from mmreg.registry.gc.reach import needed
from mmreg.schemas.erasure import Asked
from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.training import trained_on

Weights = Callable[..., Path]


def part(checkpoint: Checkpoint, name: str) -> Component:
    return next(one for one in checkpoint.components if one.name == name)


def edges(registry: Any, node: str) -> set[tuple[str, str]]:
    """What leads into the runs that made a model: kinds of edges, with the names at their other ends."""
    up = registry.lineage(node, "up")
    names = {one.id: one.name for one in up.nodes}
    made_by = {edge.source for edge in up.edges if edge.target == up.focus}
    return {(edge.kind, names[edge.source]) for edge in up.edges if edge.target in made_by}


def test_a_registered_encoder_is_found_in_a_larger_model(notes: Any, weights: Weights) -> None:
    registry = notes.open()
    encoder = registry.model_add(weights("encoder", blocks=1), "encoder")
    whole = registry.model_add(weights("vlm", vision_tower__blocks=1, language_model__x=5), "vlm")
    vision = part(whole, "vision")
    assert (vision.model, vision.frozen) == (f"encoder@{encoder.digest[:16]}", True)
    assert part(whole, "text").model is None
    assert edges(registry, "model:vlm") == {("init_from", "encoder")}
    assert registry.model("vlm").components == whole.components, "what was answered is what is kept"

    # Taken out of the larger one afterwards, a part is not what that was made from.
    text = registry.model_add(weights("text", x=5), "text", base="vlm")
    assert part(registry.model_add(weights("vlm", vision_tower__blocks=1, language_model__x=5), "vlm"), "text") == part(
        whole, "text"
    )
    assert edges(registry, "model:text") == {("init_from", "vlm")}
    assert text.base == f"vlm@{whole.digest[:16]}"


def test_what_is_frozen_is_told_and_not_asked(notes: Any, weights: Weights) -> None:
    registry = notes.open()
    registry.model_add(weights("old", vision_tower__b=1, mm_projector__p=2, language_model__x=3), "vlm")
    said = ["vision,frozen,stage=pretrain", "text,frozen", "projector,stage=projector"]
    new = weights("new", vision_tower__b=1, mm_projector__p=9, language_model__x=4)
    registry.train_record("vlm", ["notes@v1,component=projector"], new, init_from="vlm", components=said)
    checkpoint = registry.model("vlm")
    assert {one.name: (one.frozen, one.stage) for one in checkpoint.components} == {
        "vision": (True, "pretrain"), "text": (False, None), "projector": (False, "projector"),
    }  # fmt: skip
    assert checkpoint.facts["thawed"] == ["text"], "it was said to be frozen, and moved"
    assert part(checkpoint, "projector").trained_on == ("notes@v1",)


def test_what_people_say_makes_edges(notes: Any, weights: Weights) -> None:
    registry = notes.open()
    judge = registry.model_add(weights("judge", w=1), "judge", alias="best")
    given = ["tower=judge@best,stage=pretrain,trained_on=kept@v1,trained_on=notes@v1", "head,stage=rl"]
    checkpoint = registry.model_add(weights("net", w=2), "net", components=given)
    assert part(checkpoint, "tower") == Component(
        "tower", None, False, "pretrain", ("kept@v1", "notes@v1"), f"judge@{judge.digest[:16]}"
    )
    assert edges(registry, "model:net") == {("init_from", "judge"), ("trained_on", "kept"), ("trained_on", "notes")}
    (run, _) = registry.runs("model")
    assert {data.ref for data in trained_on(run)} == {"kept@v1", "notes@v1"}
    again = registry.model_add(weights("net", w=2), "net", license="mit")
    assert (again.components, again.license) == (checkpoint.components, "mit"), "what was said before stays"
    assert len(registry.runs("model")) == 3
    registry.model_add(weights("net", w=2), "net")
    assert len(registry.runs("model")) == 3, "nothing new is nothing to record"
    with pytest.raises(NotFound, match="no model 'juge'; did you mean 'judge'"):
        registry.model_add(weights("net", w=3), "net", components=["tower=juge"])
    with pytest.raises(NotFound, match="nots"):
        registry.model_add(weights("net", w=3), "net", components=["tower,trained_on=nots@v1"])


def test_versions_that_parts_were_trained_on_are_kept_and_taint(
    notes: Any, weights: Weights, ids: Callable[..., list[str]]
) -> None:
    registry = notes.open()
    registry.model_add(weights("net", w=1), "net", components=["tower,trained_on=kept@v1"])
    registry.model_add(weights("later", w=2), "later", base="net")
    reasons = needed(registry)["kept", registry.catalog.resolve(VersionRef("kept", "v1")).lance_version]
    assert "trained" in {reason.kind for reason in reasons}
    plan = registry.erase_plan(Asked("notes", ids=(ids("kept@v1")[0],)))
    assert {model.ref.partition("@")[0] for model in plan.models} == {"net", "later"}, "also what began from it"


@pytest.mark.parametrize("text", ["a b", "vision=", "vision,frosen", "vision,stage=pre", "vision,trained_on=", ""])
def test_what_says_no_component(text: str) -> None:
    with pytest.raises(UsageError):
        Component.parse(text)


def test_a_declared_model_has_its_parts(notes: Any, weights: Weights) -> None:
    weights("encoder", blocks=1)
    weights("vlm", vision_tower__blocks=2, language_model__x=5)
    file = notes.folder / "mmreg.yaml"
    declared = """
models:
  vlm: {uri: vlm, license: mit, components: {vision: {model: encoder, stage: finetune, trained_on: [kept@v1]}}}
  encoder: {uri: encoder}
"""
    file.write_text(file.read_text() + declared)
    notes.apply()
    registry = notes.open()
    vision = part(registry.model("vlm"), "vision")
    assert vision.model == f"encoder@{registry.model('encoder').digest[:16]}", "it was registered first"
    assert (vision.frozen, vision.stage, vision.trained_on) == (False, "finetune", ("kept@v1",))
    assert {step.action for step in plan(notes.open()).steps} == {"nothing"}

    weights("projector", w=9)
    more = file.read_text().replace("vlm: {uri: vlm,", "vlm: {uri: vlm, base: projector,")
    file.write_text(more + "  projector: {uri: projector}\n")
    assert {step.name for step in plan(notes.open()).steps if step.action == "run"} == {"vlm", "projector"}
    notes.apply()
    assert notes.open().model("vlm").base == f"projector@{notes.open().model('projector').digest[:16]}"


def test_another_licence_of_the_same_weights_is_recorded(notes: Any, weights: Weights) -> None:
    weights("encoder", blocks=1)
    file = notes.folder / "mmreg.yaml"
    before = file.read_text()
    for license, steps in (("mit", 1), ("cc-by-nc-4.0", 1), ("cc-by-nc-4.0", 0)):
        file.write_text(f"{before}\nmodels:\n  encoder: {{uri: encoder, license: {license}}}\n")
        assert [step.name for step in plan(notes.open()).steps if step.action == "run"] == ["encoder"] * steps
        notes.apply()
        assert notes.open().model("encoder").license == license
    assert len(notes.open().runs("model")) == 2


def test_what_weights_were_made_from_does_not_move_with_an_alias(notes: Any, weights: Weights) -> None:
    registry = notes.open()
    first = registry.model_add(weights("old", w=1), "base", alias="best")
    weights("net", w=5)
    file = notes.folder / "mmreg.yaml"
    file.write_text(file.read_text() + "\nmodels:\n  net: {uri: net, base: base@best}\n")
    notes.apply()
    second = notes.open().model_add(weights("new", w=2), "base", alias="best")
    assert {step.action for step in plan(notes.open()).steps} == {"nothing"}
    assert notes.open().model("net").base == f"base@{first.digest[:16]}"
    file.write_text(file.read_text().replace("base@best", f"base@{second.digest[:8]}"))
    notes.apply()
    assert notes.open().model("net").base == f"base@{second.digest[:16]}", "a digest says which"


def test_a_component_of_a_newer_mmreg_is_read() -> None:
    doc = Checkpoint("m", "0" * 64, components=(Component("vision", trained_on=("a@v1",)),)).to_dict()
    doc["components"][0]["colour"] = "blue"
    assert Checkpoint.from_dict(doc).components == (Component("vision", trained_on=("a@v1",)),)
