"""Rows take over what was answered to the same inputs: renamed files, copies, what came back. Nobody is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lance
import numpy as np
import pytest

from mmreg.curation.cost import Measure
from mmreg.curation.reuse import worth_a_look
from mmreg.registry.snapshot import Layout
from mmreg.registry.stage import Stage


def caption_counts(small: Any) -> dict[str, int]:
    rows = small.open().query("pairs@latest", columns=["caption", "n_words", "_source.uri"])
    return {row["_source.uri"]: row["n_words"] for row in rows}


def facet(small: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = small.open().catalog.last_run("pass", name).facets["pass"]
    return found


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    made = project(images=6)
    made.apply("pairs", "light", "words")
    return made


def test_a_renamed_file_costs_no_call(small: Any) -> None:
    calls = len(small.calls())
    for suffix in ("png", "txt"):
        (small.folder / "images" / f"001.{suffix}").rename(small.folder / "images" / f"moved.{suffix}")
    small.apply("pairs")
    told = {step.name: step for step in small.apply("light", "words").steps}
    assert (told["light"].outcome, told["light"].computed) == ("published", 0)
    assert len(small.calls()) == calls
    assert facet(small, "light")["taken"] == facet(small, "words")["taken"] == 1
    assert facet(small, "words")["computed"] == 0
    assert caption_counts(small)["moved.png"] == 3


def test_all_files_renamed_cost_no_call(small: Any) -> None:
    """No row of the newest version has an answer: those of the version before it do."""
    calls = len(small.calls())
    before = sorted(caption_counts(small).values())
    (small.folder / "images").rename(small.folder / "pictures")
    (small.folder / "images").mkdir()
    (small.folder / "pictures").rename(small.folder / "images" / "all")
    small.apply("pairs")
    small.apply("light", "words")
    assert len(small.calls()) == calls
    assert sorted(caption_counts(small).values()) == before
    assert {uri.partition("/")[0] for uri in caption_counts(small)} == {"all"}


def test_a_copy_costs_no_call_and_what_is_new_does(small: Any) -> None:
    small.draw("twin", "picture number 4", seed=sum(map(ord, "004")) * 7919)
    small.draw("new", "a picture never seen")
    calls = len(small.calls())
    small.apply("pairs")
    small.apply("words")
    assert small.calls()[calls:] == ["Words a picture never seen"]
    assert (facet(small, "words")["taken"], facet(small, "words")["computed"]) == (1, 1)
    assert (caption_counts(small)["twin.png"], caption_counts(small)["new.png"]) == (3, 4)


def test_what_was_gone_for_a_while_comes_back_without_a_call(small: Any) -> None:
    calls = len(small.calls())
    small.erase("001")
    small.apply("pairs", "words")
    small.draw("001", "picture number 1")
    small.apply("pairs", "words")
    assert len(small.calls()) == calls


def test_an_overwritten_cell_is_no_answer(small: Any) -> None:
    table = lance.dataset(str(small.folder / "lake" / "pairs.lance"))
    table.update({"n_words": "99"}, where="caption = 'picture number 4'")
    table.optimize.compact_files()
    table.cleanup_old_versions(older_than=__import__("datetime").timedelta(0), delete_unverified=False)
    small.draw("twin", "picture number 4")
    calls = len(small.calls())
    small.apply("pairs")
    small.apply("words")
    assert small.calls()[calls:] == ["Words picture number 4"] * 2
    assert caption_counts(small)["twin.png"] == caption_counts(small)["004.png"] == 3


def test_an_answer_of_another_recipe_is_none(small: Any) -> None:
    plugin = small.folder / "counted.py"
    plugin.write_text(plugin.read_text().replace('version = "1"', 'version = "2"'))
    __import__("sys").modules.pop("counted")
    calls = len(small.calls())
    small.apply("words")
    assert len(small.calls()) == calls + 6
    assert facet(small, "words")["taken"] == 0


def test_errors_are_not_taken_over(small: Any) -> None:
    small.draw("silent", None)
    small.apply("pairs", "words")
    small.draw("mute", None)
    calls = len(small.calls())
    small.apply("pairs", "words")
    assert small.calls()[calls:] == ["Words None"]


def test_what_was_staged_counts_as_found(small: Any) -> None:
    """Taken over, then stopped before it was published: the next run finds it staged."""
    (small.folder / "images" / "001.png").rename(small.folder / "images" / "moved.png")
    (small.folder / "images" / "001.txt").rename(small.folder / "images" / "moved.txt")
    small.apply("pairs")
    plugin = small.folder / "counted.py"
    plugin.write_text(
        plugin.read_text().replace("def open(self):\n        pass", "def open(self):\n        raise OSError")
    )
    __import__("sys").modules.pop("counted")
    small.draw("new", "a picture never seen")
    small.apply("pairs")
    with pytest.raises(OSError):
        small.apply("words")
    registry = small.open()
    generation = int(facet(small, "words")["generation"], 16)
    assert not Stage(registry.lake.store, "pairs", "words", generation).is_empty()


def test_a_look_is_not_worth_it_where_calls_are_cheaper() -> None:
    def table(fragments: int) -> Layout:
        ids = np.arange(fragments)
        return Layout(ids, np.full(fragments, 65_536), ids.astype(np.uint64), np.zeros((fragments, 1), np.uint64), {})

    cheap, dear = Measure(1000, 1000, 0.01, 0.0, "seen"), Measure(1000, 1000, 500.0, 0.0, "seen")
    assert worth_a_look(table(10), 1, cheap), "it takes no time"
    assert not worth_a_look(table(5000), 100, cheap)
    assert worth_a_look(table(5000), 1_000_000_000, cheap)
    assert worth_a_look(table(5000), 100, dear)
    assert worth_a_look(table(5000), 1, None)
    assert worth_a_look(table(5000), 1, Measure(1000, 1000, 0.01, 0.5, "seen")), "money is paid"
