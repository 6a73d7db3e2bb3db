"""What the index makes of runs that published versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.run import Run, RunState, VersionOutput


def test_a_history_of_versions(history: list[Run], catalog: Catalog) -> None:
    for run in history:
        assert catalog.absorb(run)
    root, derived = catalog.datasets()
    assert (root.name, root.kind, root.current, root.latest) == ("pairs", "root", "pairs@v1", "pairs@v3")
    assert (root.promoted, root.rows, root.rejected, root.versions) == (True, 10, 2, 3)
    assert root.updated_at == history[4].ended_at
    assert (derived.name, derived.kind, derived.current, derived.promoted) == (
        "train",
        "derived",
        "train@v1",
        False,
    )
    log = catalog.log("pairs")
    assert [entry.ref for entry in log] == ["pairs@v3", "pairs@v2", "pairs@v1"]
    assert [entry.promoted for entry in log] == [False, False, True]
    assert (log[1].job, log[1].columns, log[1].run) == ("pass stats", ("width", "blur"), history[1].id)
    assert log[2].job == "ingest pairs"
    assert {entry.kind for entry in log} == {"published"}


def test_a_version_keeps_what_its_run_said(
    a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    roots = ({"dataset": "pairs", "uuid": "u", "lance_version": 4},)
    catalog.absorb(a_run(1, "select", "keep", outputs=(pairs(1, kind="derived", roots=roots),)))
    (row,) = catalog.versions("pairs")
    assert (row.ref, row.roots, row.kind, row.lance_version) == ("pairs@v1", roots, "derived", 1)
    assert (row.job_kind, row.job_name, row.created_at) == ("select", "keep", "2026-01-01T00:00:01.500000Z")


def test_a_compaction_shows_as_maintenance(
    a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    catalog.absorb(a_run(1, "maintenance", "compact", outputs=(pairs(1),)))
    assert [entry.kind for entry in catalog.log("pairs")] == ["maintenance"]


@pytest.mark.parametrize(
    ("text", "ordinal"),
    [
        ("pairs", 1),
        ("pairs@latest", 3),
        ("pairs@v2", 2),
        ("pairs@0002", 2),
        ("pairs@00030000-0000", 3),
        ("train", 1),
    ],
)
def test_what_a_ref_means(history: list[Run], catalog: Catalog, text: str, ordinal: int) -> None:
    for run in history:
        catalog.absorb(run)
    assert catalog.resolve(VersionRef.parse(text)).ordinal == ordinal


def test_a_bare_name_is_the_latest_until_something_is_promoted(history: list[Run], catalog: Catalog) -> None:
    for run, meant in zip(history, [1, 2, 2, 1, 1], strict=True):
        catalog.absorb(run)
        assert catalog.resolve(VersionRef("pairs")).ordinal == meant


def test_the_last_promotion_counts_whenever_it_is_met(
    history: list[Run], a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    later = a_run(6, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": pairs(2).uuid}})
    failed = replace(
        a_run(7, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": pairs(3).uuid}}),
        state=RunState.FAILED,
    )
    for run in [failed, later, *history]:
        catalog.absorb(run)
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v2"


def test_the_last_word_is_by_the_end_of_a_run_then_by_its_id(
    a_run: Callable[..., Run],
    pairs: Callable[..., VersionOutput],
    a_model: Callable[..., dict[str, Any]],
    catalog: Catalog,
) -> None:
    def decided(number: int, end: int, ordinal: int) -> Run:
        """A run with the id of ``number`` that decides everything for version ``ordinal`` and its model."""
        digest = f"{ordinal}{ordinal}"
        return a_run(
            number,
            ended_at=f"2026-01-01T00:01:{end:02}.000000Z",
            outputs=(pairs(ordinal),),
            checkpoints=(a_model("clip", digest),),
            facets={
                "promotion": {"dataset": "pairs", "uuid": pairs(ordinal).uuid},
                "alias": {"model": "clip", "alias": "champion", "digest": digest * 32},
                "metrics": {"00" * 32: {"loss": float(ordinal)}},
            },
        )

    catalog.absorb(a_run(1, "model", "base", checkpoints=(a_model("base", "00"),)))
    for run, last in [(decided(5, 1, 1), 1), (decided(4, 2, 2), 2), (decided(3, 2, 3), 2), (decided(2, 1, 4), 2)]:
        catalog.absorb(run)
        assert catalog.resolve(VersionRef("pairs")).ordinal == last
        assert catalog.checkpoint(ModelRef("clip")).digest == f"{last}" * 64
        assert catalog.checkpoint(ModelRef("clip", "champion")).digest == f"{last}" * 64
        assert catalog.models()[0].metrics == {"loss": float(last)}
        ended = catalog.last_run("pass", "stats")
        assert ended is not None
        assert ended.outputs == (pairs(last),)


@pytest.mark.parametrize(
    ("text", "error", "words", "hint"),
    [
        ("pair", NotFound, "no dataset 'pair'; did you mean 'pairs'?", "mmreg ls"),
        ("zzzzzzzz@v1", NotFound, "no dataset 'zzzzzzzz'", "mmreg ls"),
        ("pairs@v9", NotFound, "pairs@v9: no such version; the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@champion", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@ffff", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@7777", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@0002", UsageError, "pairs@v9 (00029999), pairs@v2 (00020000-0000)", "pairs@00029999"),
    ],
)
def test_a_ref_that_means_nothing(
    history: list[Run],
    a_run: Callable[..., Run],
    pairs: Callable[..., VersionOutput],
    catalog: Catalog,
    text: str,
    error: type[Exception],
    words: str,
    hint: str,
) -> None:
    for run in history:
        catalog.absorb(run)
    if error is UsageError:
        catalog.absorb(a_run(9, outputs=(pairs(9, uuid="00029999"),)))
    with pytest.raises(error) as caught:
        catalog.resolve(VersionRef.parse(text))
    assert words in str(caught.value)
    assert str(caught.value).endswith(hint)


def test_an_index_of_nothing(look: Callable[[Catalog], dict[str, Any]], catalog: Catalog) -> None:
    assert look(catalog) == {"ls": [], "log": {}, "models": [], "runs": set()}
    assert catalog.versions("pairs") == []
    with pytest.raises(NotFound, match="no dataset 'pairs'; there is none yet"):
        catalog.log("pairs")


def test_two_versions_with_one_number_are_a_contradiction(
    a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    catalog.absorb(a_run(1, outputs=(pairs(1),)))
    catalog.absorb(a_run(2, outputs=(pairs(1, uuid="ffff"),)))
    with pytest.raises(IntegrityError, match="pairs@v1 names 2 versions"):
        catalog.resolve(VersionRef.parse("pairs@v1"))


def test_what_was_removed_is_still_known_and_says_by_whom(
    history: list[Run], a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    gone = [{"dataset": "pairs", "uuid": pairs(2).uuid, "lance_version": 2}]
    again = a_run(9, "maintenance", "pairs", facets={"removed": gone})
    first = a_run(8, "maintenance", "pairs", facets={"removed": gone})
    for run in [again, first, *history]:
        catalog.absorb(run)
    assert [(e.ref, e.removed_by) for e in catalog.log("pairs")] == [
        ("pairs@v3", ""),
        ("pairs@v2", first.id),
        ("pairs@v1", ""),
    ]
    row = catalog.resolve(VersionRef("pairs", "v2"))
    assert (row.removed_by, row.removed_at) == (first.id, first.ended_at)
    with pytest.raises(NotFound, match=f"pairs@v2 was removed from the lake by run {first.id} at {first.ended_at}"):
        row.readable()
    assert catalog.resolve(VersionRef("pairs", "v3")).readable().ordinal == 3
    assert catalog.lineage(f"version:{row.uuid}", "up").nodes
