"""Digests, and what nothing refers to: the same answers from SQLite and PostgreSQL, whatever order runs come in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage.orphans import orphans
from mmreg.schemas.orphans import Orphans
from mmreg.schemas.run import Run, RunInput, VersionOutput

LISTED, LABELS = "12ab34cd" * 4, "98fe76dc" * 8
FILE, PART = "5f" * 32, "6e" * 32


@pytest.fixture
def lake(a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], a_model: Callable[..., Any]) -> list[Run]:
    """Two datasets, a model that was trained here and two that were not, and evaluations that name unknown things."""

    def version(ordinal: int, role: Any = "used") -> RunInput:
        return RunInput("version", pairs(ordinal).uuid, f"pairs@v{ordinal}", role)

    def model(digest: str, role: Any) -> RunInput:
        return RunInput("checkpoint", digest * 32, "m", role)

    train = VersionOutput("train", "7777aaaa-0", 1, "derived", 4, lance_version=1, roots=({"dataset": "pairs", "uuid": pairs(2).uuid, "lance_version": 2},))  # fmt: skip  # noqa: E501
    return [
        a_run(1, "ingest", "pairs", outputs=(pairs(1),), inputs=(RunInput("source", f"pairs/{LISTED}", "data/"),)),
        a_run(2, outputs=(pairs(2),), inputs=(version(1), RunInput("source", f"judged/{LABELS}", "labels.csv")),
              facets={"pass": {"prompt": "ab" * 32}}),
        a_run(3, "select", "train", outputs=(train,), inputs=(version(2),)),
        a_run(4, outputs=(pairs(3),), inputs=(version(2), model("dd", "curated_by"))),
        a_run(5, outputs=(pairs(4),), inputs=(version(2),)),
        a_run(6, "validation", "pairs", inputs=(version(3),)),
        a_run(7, "training", "clip", inputs=(RunInput("version", train.uuid, "train@v1", "trained_on"),),
              checkpoints=(a_model("clip", "aa", files={"w": FILE}, components=[{"name": "eye", "digest": PART}]),)),
        a_run(8, "model", "base", checkpoints=(a_model("base", "dd", opaque=True),)),
        a_run(9, "model", "idle", checkpoints=(a_model("idle", "ee"),)),
        a_run(10, "evaluation", "e", inputs=(model("aa", "used"), version(4, "evaluated_on"))),
        a_run(11, "evaluation", "e", inputs=(model("aa", "used"), version(9, "evaluated_on"))),
        a_run(12, "evaluation", "e", inputs=(model("ff", "used"), version(4, "evaluated_on"))),
        a_run(13, "ingest", "gone", inputs=(RunInput("source", "gone/0000", "old/"),),
              outputs=(VersionOutput("gone", "9999aaaa-0", 1, "root", 4, lance_version=1),)),
        a_run(14, "maintenance", "gone",
              facets={"removed": [{"dataset": "gone", "uuid": "9999aaaa-0", "lance_version": 1}]}),
    ]  # fmt: skip


def by_kind(found: Orphans) -> dict[str, list[str]]:
    return {kind.kind: [one.ref for one in kind.found] for kind in found.kinds}


@pytest.mark.parametrize("seed", [0, 1])
def test_what_hangs_on_nothing(lake: list[Run], catalog: Catalog, seed: int) -> None:
    for run in random.Random(seed).sample(lake, len(lake)):
        catalog.absorb(run)
    assert by_kind(orphans(catalog)) == {
        "unused_version": ["pairs@v3"],  # checked is not used; v4 is the newest, v2 is referred to
        "model_without_data": ["model:idle@eeeeeeeeeeee", "model:base@dddddddddddd"],
        "unused_model": ["model:idle@eeeeeeeeeeee"],
        "evaluation_without_link": [f"run:{lake[11].id}", f"run:{lake[10].id}"],
        "unread_source": ["source:old/"],
    }
    assert [kind.of for kind in orphans(catalog).kinds] == [5, 3, 3, 3, 3]
    assert by_kind(orphans(catalog, "train")) == {"unused_version": [], "evaluation_without_link": []}


def test_an_alias_and_a_promotion_are_uses(lake: list[Run], catalog: Catalog, a_run: Callable[..., Run]) -> None:
    aliased = {"alias": {"model": "idle", "alias": "live", "digest": "ee" * 32}}
    promoted = {"promotion": {"dataset": "pairs", "uuid": "00030000-0000"}}
    for run in [*lake, a_run(15, "alias", "idle", facets=aliased), a_run(16, "promotion", "pairs", facets=promoted)]:
        catalog.absorb(run)
    found = by_kind(orphans(catalog))
    assert found["unused_version"] == found["unused_model"] == []


def test_what_has_a_digest(lake: list[Run], catalog: Catalog) -> None:
    for run in lake:
        catalog.absorb(run)
    for digest in ("aa" * 5, FILE[:9], PART[:9]):
        assert [model.name for model in catalog.checkpoints_named(digest)] == ["clip"]
    assert [(s.path, s.run, s.digest) for s in catalog.sources_named(LISTED[:8])] == [
        ("data/", f"run:{lake[0].id}", LISTED)
    ]
    assert [source.path for source in catalog.sources_named(LABELS)] == ["labels.csv"]
    assert [run.id for run in catalog.runs_naming("ab" * 8)] == [lake[1].id]
    assert catalog.versions_named("7777aaaa") == [("train", 1, "7777aaaa-0")]
    assert catalog.versions_named("7777aaaa0") == [("train", 1, "7777aaaa-0")]
    assert catalog.versions_named("7777aaaa1") == []


def test_a_registration_under_two_names_is_found_under_both(
    lake: list[Run], catalog: Catalog, a_run: Callable[..., Run], a_model: Callable[..., Any]
) -> None:
    for run in [lake[8], a_run(17, "model", "other", checkpoints=(a_model("other", "ee"),))]:
        catalog.absorb(run)
        catalog.absorb(replace(run, id=run.id + "0"))
    assert [model.name for model in catalog.checkpoints_named("ee" * 6)] == ["idle", "other"]
