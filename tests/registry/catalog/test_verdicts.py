"""What a bare name means where checks have failed: by the last word on each version, whenever it is met."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmreg.errors import NotFound
from mmreg.registry.catalog import Catalog
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run, RunInput, RunState, VersionOutput

Make = Callable[..., Any]


@pytest.fixture
def checked(a_run: Callable[..., Run], pairs: Callable[..., VersionOutput]) -> Callable[..., Run]:
    """The run ``number`` that has checked version ``ordinal``; ``facts`` of its facet."""

    def check(number: int, ordinal: int, ok: bool, **facts: Any) -> Run:
        used = (RunInput("version", pairs(ordinal).uuid, f"pairs@v{ordinal}"),)
        return a_run(number, "validation", "pairs", inputs=used, facets={"validation": {"ok": ok, **facts}})

    return check


@pytest.fixture
def published(a_run: Callable[..., Run], pairs: Callable[..., VersionOutput]) -> list[Run]:
    return [a_run(number, outputs=(pairs(number),)) for number in (1, 2, 3)]


def absorbed(catalog: Catalog, *runs: Run) -> Catalog:
    for run in runs:
        catalog.absorb(run)
    return catalog


def verdicts(catalog: Catalog) -> list[str]:
    return [entry.verdict for entry in catalog.log("pairs")]


def test_a_failed_version_is_not_what_the_name_means(
    published: list[Run], checked: Make, a_run: Make, pairs: Make, catalog: Catalog
) -> None:
    absorbed(catalog, *published, checked(4, 3, False), checked(5, 1, True))
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v1", "nobody has checked pairs@v2"
    assert catalog.resolve(VersionRef("pairs", "latest")).ref == "pairs@v3"
    assert verdicts(catalog) == ["failed", "", "passed"]
    assert catalog.log("pairs")[0].judged_by == checked(4, 3, False).id
    (summary,) = catalog.datasets()
    assert (summary.current, summary.latest, summary.rows) == ("pairs@v1", "pairs@v3", 10)
    assert summary.failed == ("pairs@v3",)
    absorbed(catalog, a_run(6, outputs=(pairs(4),)))
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v4", "what was not checked yet has not failed"


def test_the_last_word_counts_in_whatever_order_runs_are_met(
    published: list[Run], checked: Make, open_catalog: Callable[[], Catalog], a_run: Make, pairs: Make
) -> None:
    """Also where two end at once; a failed attempt to check says nothing."""
    said = [
        checked(4, 3, False),
        checked(5, 3, True),
        checked(6, 3, False),
        replace(checked(7, 3, True), ended_at=checked(6, 3, True).ended_at),
        checked(8, 2, False),
        replace(checked(9, 2, True), state=RunState.FAILED),
    ]
    catalog = open_catalog()
    order = [*published, *said]
    for seed in range(6):
        random.Random(seed).shuffle(order)
        catalog.clear()
        absorbed(catalog, *order)
        assert verdicts(catalog) == ["passed", "failed", ""]
        assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v3"
    catalog.close()


def test_some_of_the_checks_can_fail_a_version_and_not_clear_it(
    published: list[Run], checked: Make, catalog: Catalog
) -> None:
    absorbed(catalog, *published, checked(4, 3, True), checked(5, 3, False, only=["not_null"]))
    assert verdicts(catalog)[0] == "failed"
    absorbed(catalog, checked(6, 3, True, only=["unique*"]), checked(7, 3, True, since=published[0].id))
    assert verdicts(catalog)[0] == "failed"
    absorbed(catalog, checked(8, 3, True, checks=2))
    assert verdicts(catalog)[0] == "passed"


def test_a_share_of_what_changed_says_nothing_of_the_version(
    published: list[Run], checked: Make, catalog: Catalog
) -> None:
    absorbed(catalog, *published, checked(4, 3, True), checked(5, 3, False, since=published[0].id))
    assert verdicts(catalog)[0] == "passed"


def test_what_was_promoted_stays_it_and_shows_that_it_failed_since(
    published: list[Run], checked: Make, a_run: Make, pairs: Make, catalog: Catalog
) -> None:
    facet = {"promotion": {"dataset": "pairs", "uuid": pairs(2).uuid, "validation": None}}
    absorbed(catalog, *published, checked(4, 2, False), a_run(5, "promotion", "pairs", facets=facet))
    assert verdicts(catalog) == ["", "", ""], "it was promoted after that, when there were no checks any more"
    absorbed(catalog, checked(6, 2, False), checked(7, 3, False))
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v2"
    (summary,) = catalog.datasets()
    assert (summary.current, summary.promoted) == ("pairs@v2", True)
    assert summary.failed == ("pairs@v2", "pairs@v3")


def test_where_none_has_passed_the_name_means_nothing(published: list[Run], checked: Make, catalog: Catalog) -> None:
    absorbed(catalog, *published, *(checked(3 + n, n, False) for n in (1, 3)))
    with pytest.raises(NotFound, match="pairs@v3 has failed its checks, and none before it has passed") as failed:
        catalog.resolve(VersionRef("pairs"))
    assert failed.value.hint == "mmreg validate pairs@v3; to look at it all the same: mmreg show pairs@latest"
    assert catalog.meant("pairs") is None
    (summary,) = catalog.datasets()
    assert (summary.current, summary.latest, summary.rows, summary.failed) == (None, "pairs@v3", 30, ("pairs@v3",))


def test_what_was_removed_does_not_stand_in(
    published: list[Run], checked: Make, a_run: Make, pairs: Make, catalog: Catalog
) -> None:
    removed = a_run(5, "maintenance", "gc", facets={"removed": [{"dataset": "pairs", "uuid": pairs(2).uuid}]})
    passed = [checked(6, 1, True), checked(7, 2, True)]
    absorbed(catalog, *published, checked(4, 3, False), removed, *passed)
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v1"


def test_upkeep_launders_nothing(
    published: list[Run], checked: Make, a_run: Make, pairs: Make, catalog: Catalog
) -> None:
    """Compacted, the rows are the same ones."""
    compacted = [a_run(4 + n, "maintenance", "compact", outputs=(pairs(4 + n),)) for n in (0, 1)]
    absorbed(catalog, *published, checked(7, 2, True), checked(8, 3, False), *compacted)
    assert verdicts(catalog) == ["failed", "failed", "failed", "passed", ""]
    assert catalog.resolve(VersionRef("pairs", "latest")).failed
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v2"
    absorbed(catalog, checked(9, 5, True))
    assert verdicts(catalog) == ["passed", "failed", "failed", "passed", ""]
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v5"


def test_validations_of_older_lakes_are_read(published: list[Run], checked: Make, catalog: Catalog) -> None:
    """They said ``ok`` and ``results``; one without either says nothing."""
    old = checked(4, 3, False, results=[{"check": "not_null", "status": "failed", "severity": "error"}])
    bare = replace(checked(5, 2, False), facets={})
    absorbed(catalog, *published, old, bare)
    assert verdicts(catalog) == ["failed", "", ""]
