"""What the index makes of runs that made or measured models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.run import Run


def test_models_with_what_is_known_of_them(trained: list[Run], catalog: Catalog) -> None:
    for run in reversed(trained):
        catalog.absorb(run)
    aux, newer, older = catalog.models()
    assert (older.name, older.digest, older.aliases) == ("clip", "aa" * 32, ("control",))
    assert (older.trained_on, older.run) == (("pairs@v1",), trained[0].id)
    assert older.metrics == {"loss": 0.375, "recall@1": 0.75}
    assert (older.size_bytes, older.license, older.base, older.path) == (7, "mit", "b", "ckpt")
    assert (newer.digest, newer.aliases, newer.metrics) == ("bb" * 32, ("champion",), {"loss": 0.25})
    assert newer.created_at == trained[1].ended_at
    assert (aux.name, aux.trained_on) == ("aux", ())
    assert math.isnan(aux.metrics["loss"])


def test_every_checkpoint_as_it_was_registered_last(
    trained: list[Run], a_run: Callable[..., Run], a_model: Callable[..., dict[str, Any]], catalog: Catalog
) -> None:
    again = {**a_model("clip", "aa"), "license": "cc0-1.0", "opaque": True}
    for run in [a_run(20, "model", "clip", checkpoints=(again,)), *trained]:
        catalog.absorb(run)
    found = [(known.name, known.digest[:2], known.license) for known in catalog.checkpoints()]
    assert found == [("aux", "cc", None), ("clip", "aa", "cc0-1.0"), ("clip", "bb", None)]
    assert {model.digest[:2]: model.opaque for model in catalog.models()} == {"aa": True, "bb": False, "cc": False}


@pytest.mark.parametrize(
    ("text", "digest"),
    [("clip", "bb"), ("clip@champion", "bb"), ("clip@control", "aa"), ("clip@aaaa", "aa"), ("aux", "cc")],
)
def test_what_a_model_ref_means(trained: list[Run], catalog: Catalog, text: str, digest: str) -> None:
    for run in trained:
        catalog.absorb(run)
    assert catalog.checkpoint(ModelRef.parse(text)).digest == digest * 32


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("clap", NotFound, "no model 'clap'; did you mean 'clip'?"),
        ("clip@champoin", NotFound, "did you mean 'champion'?"),
        ("aux@champion", NotFound, "it has no alias yet"),
        ("clip@cccc", NotFound, "no alias or digest of model 'clip' begins like that"),
        ("clip@gone", NotFound, "which is not registered"),
        ("clip@abab", UsageError, f"clip@abab could be {'ab' * 31 + 'cd'}, {'ab' * 32}"),
    ],
)
def test_a_model_ref_that_means_nothing(
    trained: list[Run],
    a_run: Callable[..., Run],
    a_model: Callable[..., dict[str, Any]],
    catalog: Catalog,
    text: str,
    error: type[Exception],
    words: str,
) -> None:
    for run in trained:
        catalog.absorb(run)
    catalog.absorb(a_run(18, "model", "clip", checkpoints=(a_model("clip", "ab"),)))
    twin = {**a_model("clip", "ab"), "digest": "ab" * 31 + "cd"}
    catalog.absorb(a_run(19, "model", "clip", checkpoints=(twin,)))
    alias = {"model": "clip", "alias": "gone", "digest": "dd" * 32}
    catalog.absorb(a_run(20, "alias", "clip", facets={"alias": alias}))
    with pytest.raises(error) as caught:
        catalog.checkpoint(ModelRef.parse(text))
    assert words in str(caught.value)


def test_a_checkpoint_made_twice_is_one(trained: list[Run], catalog: Catalog) -> None:
    again = replace(trained[0], id="20260101T000030.000000Z-0", ended_at="2026-01-01T00:00:30.000000Z")
    catalog.absorb(again)
    catalog.absorb(trained[0])
    assert [(model.digest, model.run) for model in catalog.models()] == [("aa" * 32, again.id)]
