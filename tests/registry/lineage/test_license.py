"""The terms of all that something was made from, and what comes of all under one licence."""

from __future__ import annotations

from typing import Any

import pytest

from mmreg.registry.api import Registry
from mmreg.registry.lineage.license import _conflicts
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.license import RowTerms, Terms
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.terms import kind, parts, under


def named(answer: Any) -> dict[str, str | None]:
    return {term["name"]: term["license"] for term in answer["terms"]}


def test_data_and_the_models_that_wrote_and_chose_them(studio: Any) -> None:
    found = studio.mmreg("license", "train@v1")
    assert named(found) == {"pairs": "cc-by-4.0", "teacher": "cc-by-nc-4.0"}
    assert (found["most_restrictive"], found["kind"]) == ("cc-by-nc-4.0", "non-commercial")
    of_teacher = next(term for term in found["terms"] if term["what"] == "model")
    assert of_teacher["told"] == "registration"  # mmreg.yaml means another one by now
    assert of_teacher["way"][0] == of_teacher["ref"] and of_teacher["way"][-1] == "train@v1"


def test_both_teachers_where_both_left_something(studio: Any) -> None:
    found = studio.mmreg("license", "train@v2")
    teachers = [(term["license"], term["told"]) for term in found["terms"] if term["name"] == "teacher"]
    assert sorted(teachers) == [("cc-by-nc-4.0", "registration"), ("mit", "mmreg.yaml")]


def test_what_was_not_read_does_not_count(studio: Any) -> None:
    assert named(studio.mmreg("license", "extra@v1")) == {"pairs": "cc-by-4.0"}
    assert named(studio.mmreg("license", "train@v1:number")) == {"pairs": "cc-by-4.0"}
    assert "teacher" in named(studio.mmreg("license", "train@v1:grade"))


def test_a_model_and_its_own_licence(studio: Any) -> None:
    found = studio.mmreg("license", "model:other")
    assert found["license"] == "mit"
    assert any("it was made from" in conflict["why"] for conflict in found["conflicts"])
    assert studio.mmreg("license", "model:student@champion")["license"] is None


def test_what_it_was_evaluated_on_does_not_count_and_an_unknown_one_is_named(studio: Any) -> None:
    assert "heldout" not in named(studio.mmreg("license", "model:student"))
    found = studio.mmreg("license", "heldout@v1")
    assert found["unknown"] == ["heldout@v1"] and found["most_restrictive"] is None
    assert "nobody declared a licence of heldout@v1" in studio.text("license", "heldout@v1")


def test_rows_with_licences_of_their_own(studio: Any) -> None:
    found = studio.mmreg("license", "pairs@v1", "--rows")
    assert {row["license"]: row["rows"] for row in found["rows"]} == {"cc-by-nc-4.0": 4, "cc-by-4.0": 4, None: 4}
    assert found["most_restrictive"] == "cc-by-nc-4.0"
    assert "none of their own" in studio.text("license", "pairs@v1", "--rows")


@pytest.mark.parametrize("ref", ["train@v1", "train@v2", "splits@v1", "short@v1", "extra@v1", "pairs@v3"])
def test_the_check_demands_what_is_shown(studio: Any, ref: str) -> None:
    with Registry.open(studio.folder) as registry:
        row = registry.catalog.resolve(VersionRef.parse(ref))
        checked = [(origin.name, license) for origin, license in WorkspaceWorld(registry, row).licenses()]
    shown = [(term["name"], term["license"]) for term in studio.mmreg("license", ref)["terms"]]
    assert sorted(map(str, shown)) == sorted(map(str, checked))


def test_withdrawn(studio: Any) -> None:
    found = studio.mmreg("impact", "--license", "CC-BY-NC-*")
    assert any(model["ways"].keys() == {"registered"} for model in found["models"])
    assert {version["ref"] for version in found["versions"]} >= {"train@v1", "splits@v1", "train@v2"}
    assert "extra@v1" not in {version["ref"] for version in found["versions"]}
    assert found["versions"] == studio.mmreg("impact", "--licence", "cc by nc 4.0")["versions"]


def test_unknown(studio: Any) -> None:
    found = studio.mmreg("impact", "--license", "unknown")
    assert "heldout@v1" in found["starts"]
    assert found["todo"][0]["command"] is None and "declare" in found["todo"][0]["why"]


def test_a_licence_of_nothing(studio: Any) -> None:
    assert "did you mean 'cc-by-4.0'" in studio.text("impact", "--license", "cc-by-4", status=3)


def test_either_spelling(studio: Any) -> None:
    assert studio.mmreg("licence", "train@v1") == studio.mmreg("license", "train@v1")


def test_a_run_has_none(studio: Any) -> None:
    assert "under no licence" in studio.text("license", "run:2", status=2)


@pytest.mark.parametrize(
    ("license", "asked", "is_under"),
    [
        ("CC BY 4.0", "cc-by-4.0", True),
        ("MIT OR GPL-3.0-only", "gpl-*", True),
        ("MIT AND (CC-BY-4.0 OR ODbL)", "ODbL", True),
        ("MIT", "CC-BY-4.0", False),
        (None, "unknown", True),
        ("", "Unknown", True),
        ("MIT", "unknown", False),
    ],
)
def test_under(license: str | None, asked: str, is_under: bool) -> None:
    assert under(license, asked) is is_under


def test_parts() -> None:
    assert parts("MIT AND (CC-BY-4.0 OR ODbL)") == ["MIT", "CC-BY-4.0", "ODbL"]


@pytest.mark.parametrize(
    ("licenses", "conflicting"),
    [
        (["CC-BY-4.0", "MIT", None], []),
        (["CC-BY-SA-4.0", "ODbL-1.0"], [("CC-BY-SA-4.0", "ODbL-1.0")]),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], [("CC-BY-SA-4.0", "CC-BY-NC-4.0")]),
        (["CC-BY-ND-4.0", "cc by nd 4.0"], [("CC-BY-ND-4.0",)]),
    ],
)
def test_conflicts(licenses: list[str | None], conflicting: list[tuple[str, ...]]) -> None:
    terms = [
        Terms("dataset", f"d{n}", f"d{n}@v1", license, kind(license), "ingest", ())
        for n, license in enumerate(licenses)
    ]
    assert [found.licenses for found in _conflicts("x@v1", None, terms, [])] == conflicting
    rows = [RowTerms("d", "license", license, kind(license), 1) for license in licenses]
    assert [found.licenses for found in _conflicts("x@v1", None, [], rows)] == conflicting
