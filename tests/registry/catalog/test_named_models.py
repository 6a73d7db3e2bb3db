"""What names of models mean, and what is touched by them, on an index of either kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage.flow import Flow
from mmreg.registry.lineage.touch import begin, walk
from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput


def run(number: int, kind: Any, name: str, **parts: Any) -> Run:
    moment = f"2026-01-01T00:00:{number:02}.000000Z"
    return Run(f"2026-{number:04}", Job(kind, name), RunState.COMPLETE, moment, moment, **parts)


def test_checkpoints_and_aliases_of_one_model(catalog: Catalog, a_model: Callable[..., dict[str, Any]]) -> None:
    first, second = (a_model("clip", digit * 64) for digit in "ab")
    catalog.absorb(run(1, "model", "clip", checkpoints=(first,)))
    catalog.absorb(run(2, "model", "clip", checkpoints=(second,)))
    for number, (alias, digest) in enumerate([("best", "a"), ("best", "b"), ("old", "a")], 3):
        facet = {"model": "clip", "alias": alias, "digest": digest * 64}
        catalog.absorb(run(number, "alias", "clip", facets={"alias": facet}))
    assert [known.digest[0] for known in catalog.registered("clip")] == ["b", "a"]
    assert catalog.aliases("clip") == {"best": "b" * 64, "old": "a" * 64}
    assert catalog.registered("blip") == [] and catalog.aliases("blip") == {}


def test_a_walk_from_a_model(catalog: Catalog) -> None:
    uuids = [f"0000000{number}-0000-5000-8000-000000000000" for number in (1, 2)]
    read = VersionOutput("pairs", uuids[0], 1, "root", 5, lance_version=1, columns=("text",))
    made = VersionOutput("pairs", uuids[1], 2, "root", 5, lance_version=2, columns=("told",))
    used = RunInput("version", read.uuid, read.ref, columns=("text",))
    asked = RunInput("checkpoint", "a" * 64, "clip", "curated_by")
    catalog.absorb(run(1, "ingest", "pairs", outputs=(read,)))
    catalog.absorb(run(2, "pass", "tell", inputs=(used, asked), outputs=(made,), facets={"pass": {}}))
    flow = Flow(catalog)
    found = walk(catalog, flow, begin(flow.all_places(f"checkpoint:{'a' * 64}")))
    told = {(found.name(spot.place.node), spot.place.column): found.named(way) for spot, way in found.ways.items()}
    assert told["pairs@v2", "told"] == (f"model clip@{'a' * 12}", "pass tell", "pairs@v2")
    assert "pairs@v1" not in {name for name, _ in told}
