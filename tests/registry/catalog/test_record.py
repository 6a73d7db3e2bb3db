"""How runs get into the index, and are found there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.run import Run, RunState, VersionOutput


def test_runs_are_found_by_id_prefix_and_job(history: list[Run], catalog: Catalog) -> None:
    for run in history:
        catalog.absorb(run)
    assert catalog.run(history[1].id) == history[1]
    assert catalog.run(history[1].id[:16]) == history[1]
    assert [run.id for run in catalog.runs("pass")] == [history[4].id, history[1].id]
    assert catalog.runs("pass", "embed") == []
    assert len(catalog.runs()) == 5
    with pytest.raises(UsageError, match=r"could be run:20260101T000001.*run:20260101T000005"):
        catalog.run("2026")
    with pytest.raises(NotFound, match="run:2027"):
        catalog.run("2027")


def test_the_last_run_of_a_job_in_a_state(history: list[Run], a_run: Callable[..., Run], catalog: Catalog) -> None:
    failed = a_run(9, state=RunState.FAILED)
    for run in [failed, *history]:
        catalog.absorb(run)
    assert catalog.last_run("pass", "stats") == history[4]
    assert catalog.last_run("pass", "stats", ("complete", "failed")) == failed
    assert catalog.last_run("pass", "stats", ("aborted",)) is None


def test_absorbing_twice_is_absorbing_once(
    history: list[Run], trained: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog
) -> None:
    for run in history + trained:
        catalog.absorb(run)
    before = look(catalog)
    assert [catalog.absorb(run) for run in history] == [False] * len(history)
    assert look(catalog) == before


def test_a_richer_copy_replaces_a_poorer_one_and_not_the_other_way(
    a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    rich = a_run(2, outputs=(pairs(1), VersionOutput("train", "eeee", 1, "derived", 3, lance_version=1)))
    poor = replace(rich, outputs=(replace(pairs(1), lance_version=None),))
    assert catalog.absorb(poor)
    assert catalog.resolve(VersionRef("pairs")).lance_version == 0
    assert catalog.absorb(rich)
    assert not catalog.absorb(poor)
    assert catalog.run(rich.id) == rich
    assert catalog.resolve(VersionRef("pairs")).lance_version == 1
    assert [summary.name for summary in catalog.datasets()] == ["pairs", "train"]
    with pytest.raises(IntegrityError, match="two records of it say different things"):
        catalog.absorb(replace(rich, facets={"a": 1}))
    assert catalog.run(rich.id) == rich


def test_nodes_are_found_by_what_a_person_types(
    trained: list[Run], pairs: Callable[..., VersionOutput], catalog: Catalog
) -> None:
    for run in trained:
        catalog.absorb(run)
    meant = {
        "pairs": f"version:{pairs(1).uuid}",
        "model:clip@champion": f"checkpoint:{'bb' * 32}",
        f"run:{trained[2].id[:16]}": f"run:{trained[2].id}",
        "sha256:cccc": f"checkpoint:{'cc' * 32}",
    }
    assert {text: catalog.node_id(NodeRef.parse(text)) for text in meant} == meant
    with pytest.raises(NotFound, match="sha256:dddd: nothing in the lineage graph begins like that"):
        catalog.node_id(NodeRef.parse("sha256:dddd"))
