"""Two people with an index each work on one lake: what one has done the other takes into account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan


@pytest.fixture
def other(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project with a history, and the registry of somebody else who has looked at its lake since then."""
    made = project()
    (made.folder / "images" / "broken.png").write_bytes(b"no picture")
    made.apply()
    monkeypatch.setenv("MMREG_CATALOG", "sqlite:///.mmreg/other.db")
    other = made.open()
    other.ls()
    monkeypatch.delenv("MMREG_CATALOG")
    return made, other


def test_what_another_has_applied_is_not_pending(other: tuple[Any, Any], rows: Callable[..., Any]) -> None:
    made, theirs = other
    made.draw("broken", "mended by now")
    made.draw("new", "a new picture")
    made.erase("001")
    (made.folder / "images" / "broken too.png").write_bytes(b"no picture either")
    made.apply()
    calls = len(made.calls())
    assert {step.action for step in plan(theirs).steps} == {"nothing"}
    assert {step.outcome for step in apply(theirs).steps} == {"unchanged"}
    assert len(made.calls()) == calls


def test_what_another_has_rejected_and_accepted_is_known(other: tuple[Any, Any], rows: Callable[..., Any]) -> None:
    made, theirs = other
    made.draw("broken", "mended by now")
    made.apply("pairs")
    made.draw("new", "a new picture")
    apply(theirs, ["pairs"])
    shown = made.open().show("pairs@latest")
    sources = sorted(row["_source"]["uri"] for row in rows(made.open(), "pairs@latest").values())
    assert sources == sorted(["broken.png", "new.png", *(f"{number:03}.png" for number in range(6))])
    assert (shown.rejected, shown.rejected_records) == (0, ())


def test_a_pass_over_a_selection_names_the_version_whose_rows_it_read(other: tuple[Any, Any]) -> None:
    made, theirs = other
    made.draw("new", "a new picture")
    made.apply("pairs", "light", "words", "keep", "parts")
    assert apply(theirs, ["grade"]).steps[0].computed == 1
    run = theirs.catalog.last_run("pass", "grade")
    before = made.open().log("train")[1]
    assert [i.ref for i in run.inputs if i.ref.startswith("train")] == [before.ref]


def test_an_index_of_its_own_knows_the_same(other: tuple[Any, Any], answers: Callable[..., Any]) -> None:
    made, theirs = other
    made.draw("new", "a new picture")
    made.apply()
    apply(theirs)
    assert Path(made.folder / ".mmreg" / "other.db").exists()
    assert answers(theirs) == answers(made.open())
