"""What checks are told of the registry around a version: on a disk and on S3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import IntegrityError, NotFound
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.upstream import Base


def world(registry: Any, ref: str) -> WorkspaceWorld:
    return WorkspaceWorld(registry, registry.catalog.resolve(VersionRef.parse(ref)))


@pytest.fixture
def applied(project: Callable[..., Any], lake: Any) -> Any:
    small = project(lake=lake)
    small.apply()
    return small


def test_where_a_version_comes_from(applied: Any) -> None:
    with applied.open() as registry:
        here = world(registry, "splits")
        origins = [(o.kind, o.ref) for o in here.upstream()]
        assert origins[0] == ("version", "splits@v1")
        assert ("source", "images") in origins
        assert {ref for kind, ref in origins if kind == "version"} >= {"splits@v1", "train@v1", "pairs@v1"}
        train = next(o for o in here.upstream() if o.name == "train")
        assert train.way == ("train@v1", "select parts", "splits@v1")
        assert set(here.splits()) == {"train", "test"}
        assert [(o.name, license) for o, license in here.licenses()] == [("pairs", None)]


def test_how_it_was_chosen(applied: Any) -> None:
    with applied.open() as registry:
        chain = world(registry, "splits").chain()
        (base,) = chain.base
        assert base.ref.startswith("pairs@v") and base.split is None
        keep, parts = chain.steps
        assert (keep.name, keep.ref, keep.looked_at, keep.kept) == ("keep", "train@v1", 6, 4)
        assert (parts.name, parts.base, parts.looked_at, parts.kept) == ("parts", (Base("train@v1"),), 4, 4)
        assert world(registry, "splits").chain("train").steps == (parts,)
        assert world(registry, "pairs").chain().steps == ()
        with pytest.raises(NotFound, match=r"splits@v1 was not chosen from pairs@v1, but from train@v1"):
            world(registry, "splits").chain("pairs@v1")


def test_its_rows_by_root_with_what_passes_made_of_them(applied: Any) -> None:
    with applied.open() as registry:
        (root,) = world(registry, "train@latest").roots()
        assert root.ref.startswith("pairs@v")
        assert root.declared == {"sample_id", "image", "caption"}
        passes = {passed.name: passed for passed in root.passes}
        assert passes.keys() == {"light", "words", "grade"}
        assert passes["words"].columns == ("n_words",)
        assert passes["words"].inputs == ("caption",)
        assert all(passed.everywhere for passed in passes.values())
        assert len(root) == 4 == sum(batch.num_rows for batch in root.batches(["sample_id", "_mmreg_grade"]))
        (root,) = world(registry, "pairs@latest").roots()
        assert {passed.name for passed in root.passes if not passed.everywhere} == {"grade"}


def test_what_was_promoted(applied: Any) -> None:
    with applied.open() as registry:
        assert world(registry, "train@latest").promoted() is None
        report = registry.promote("train")
        assert world(registry, "train@latest").promoted() == report.version


def test_names_of_today(project: Callable[..., Any]) -> None:
    """A column and a pass that are called otherwise since they were made."""
    small = project()
    small.apply("pairs", "words", "light")
    file = small.folder / "mmreg.yaml"
    text = file.read_text()
    text = text.replace(
        "caption: {type: text, nullable: true}", "said: {type: text, nullable: true, renamed_from: caption}"
    )
    text = text.replace("words: {from: pairs,", "counted: {renamed_from: words, from: pairs,")
    text = text.replace("text: caption", "text: said").replace("column: caption", "column: said")
    file.write_text(text)
    small.apply("pairs", "counted")
    with small.open() as registry:
        (root,) = world(registry, "pairs@latest").roots()
        assert root.declared == {"sample_id", "image", "said"}
        passes = {passed.name: passed for passed in root.passes}
        assert passes.keys() == {"light", "counted"}
        assert (passes["counted"].inputs, passes["counted"].columns) == (("said",), ("n_words",))
        assert passes["counted"].state in root.schema.names


def test_weights_are_digested_where_they_may_have_changed(project: Callable[..., Any]) -> None:
    small = project()
    weights = small.folder / "weights.bin"
    weights.write_bytes(b"first")
    with small.open() as registry:
        checkpoint = registry.model_add(weights, "judge")
        small.apply("pairs")
        here = world(registry, "pairs")
        here.weights(checkpoint)
        weights.write_bytes(b"other")
        with pytest.raises(IntegrityError, match="holds other weights"):
            here.weights(checkpoint)
        weights.unlink()
        with pytest.raises(NotFound, match=r"are not at weights\.bin"):
            here.weights(checkpoint)
