"""What is kept of fragments is no burden: the oldest may go, and nobody misses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmreg.registry.objects import object_key
from mmreg.registry.validation.seen import RUNS, without_outlived
from mmreg.schemas.run import Job, Run, RunState


def test_only_the_newest_runs_of_a_dataset_keep_what_they_have_seen() -> None:
    def run(number: int, dataset: str, **facet: Any) -> Run:
        moment = f"2026-01-01T00:{number:02}:00.000000Z"
        job = Job("validation", dataset)
        return Run(f"{number:04}", job, RunState.COMPLETE, moment, moment, facets={"validation": {"ok": True, **facet}})

    runs = [run(number, "a", seen={"d": f"{number:064x}"}) for number in reversed(range(RUNS + 5))]
    others = [run(99, "b", seen={"d": "f" * 64}), run(98, "b")]
    left = list(without_outlived([*others, *runs]))
    assert [one.id for one in left] == [one.id for one in [*others, *runs]]
    assert left[: 2 + RUNS] == [*others, *runs[:RUNS]]
    assert all(one.facets == {"validation": {"ok": True}} for one in left[2 + RUNS :])


def test_one_object_a_check_and_the_same_where_nothing_changed(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": "{check: not_null, column: text}\n{check: range, column: n, max_value: 4}"})
    made.apply()
    registry = made.open()
    seen = [registry.catalog.run(registry.validate("notes@latest")[0].run).facets["validation"]["seen"] for _ in "ab"]
    assert len(seen[0]) == 2 and seen[0] == seen[1]
    objects = {object_key(digest) for digest in seen[0].values()}
    assert objects <= set(registry.lake.store.list("_mmreg/objects"))
    assert registry.gc().leftovers == ()
    assert registry.fsck().ok


def test_what_was_seen_is_kept_wherever_the_lake_is(
    project: Callable[..., Any], unchecked: Callable[..., None], lake: Any
) -> None:
    declaration = """
version: 1
project: pictures
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image}}, caption: {{type: text, nullable: true}}}}
checks:
  pairs:
    - {{check: image_decodes, column: image}}
    - {{check: not_null, column: caption}}
    - {{check: image_decodes, column: image, sample: 2, name: some}}
"""
    small = project(declaration=declaration, lake=lake)
    small.draw("none", caption=None)
    unchecked(small.folder)
    (first,) = small.open().validate("pairs")
    (second,) = small.open().validate("pairs")
    sampled = first.results[2].examined
    assert [one.reused for one in first.results] == [0, 0, 0]
    assert [one.reused for one in second.results] == [7, 7, sampled]
    assert [one.examples for one in first.results] == [one.examples for one in second.results]
    assert second.results[1].examples[0]["value"] == "null"
