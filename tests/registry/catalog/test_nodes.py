"""Which node a source's name means, and nodes and runs near one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmreg.errors import NotFound
from mmreg.registry.catalog import Catalog
from mmreg.schemas.refs import NodeRef
from mmreg.schemas.run import Run, RunInput, VersionOutput


@pytest.fixture
def read(a_run: Callable[..., Run], pairs: Callable[..., VersionOutput]) -> list[Run]:
    """The same place read twice, with other content."""
    return [
        a_run(
            n, "ingest", "pairs", outputs=(pairs(n),), inputs=(RunInput("source", f"pairs/{n}{n}", "data/a@b.jsonl"),)
        )
        for n in (1, 2)
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_a_source_is_what_was_first_read_from_there(catalog: Catalog, read: list[Run], first: int) -> None:
    """Whichever run is met first: so all that was ever made of it lies downstream."""
    for run in (read[first], read[1 - first]):
        catalog.absorb(run)
    node = catalog.node_id(NodeRef.parse("source:data/a@b.jsonl"))
    assert node == "source:pairs/11"
    assert {n.name for n in catalog.lineage(node, "down").nodes} == {"data/a@b.jsonl", "pairs"}
    assert {n.id for n in catalog.lineage(node, "down").nodes if n.kind == "version"} == {
        f"version:{output.uuid}" for run in read for output in run.outputs
    }
    assert catalog.node_id(NodeRef.parse("source:pairs/22")) == "source:pairs/22"
    with pytest.raises(NotFound, match=r"source:data/a@b.json: nothing was read from there; did you mean"):
        catalog.node_id(NodeRef.parse("source:data/a@b.json"))


def test_nodes_and_the_runs_beside_them(catalog: Catalog, read: list[Run], pairs: Callable[..., VersionOutput]) -> None:
    for run in read:
        catalog.absorb(run)
    ids = [f"version:{pairs(2).uuid}", "source:pairs/11", f"run:{read[0].id}", "source:nowhere"]
    assert [node.id for node in catalog.nodes(ids)] == ["source:pairs/11", f"run:{read[0].id}", ids[0]]
    assert catalog.nodes(ids)[-1].facts["rows"] == 20
    assert catalog.nodes([]) == ()
    many = [f"source:{n}" for n in range(1200)]
    assert [node.id for node in catalog.nodes([*many, "source:pairs/22"])] == ["source:pairs/22"]
    assert catalog.next_runs(f"version:{pairs(1).uuid}", "up") == [read[0].id]
    assert catalog.next_runs(f"version:{pairs(1).uuid}", "down") == [read[1].id]
    assert catalog.next_runs("source:nowhere", "down") == []
