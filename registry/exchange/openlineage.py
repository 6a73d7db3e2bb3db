"""A lineage as OpenLineage events, and back.

Each run becomes two events, START and how it ended; the second one has all that it read and made. A node that no run
is beside gets an event of its own. The facets ``mmreg_node`` and ``mmreg_edge`` keep what OpenLineage has no place for
(the ids, the kinds of edges, the order), so that reading the events gives the same lineage again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from mmreg.registry.exchange import facets
from mmreg.registry.exchange.flow import flow
from mmreg.registry.exchange.known import Known, Step, identity, output_of, steps
from mmreg.schemas.lineage import Lineage, Node

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
_RUNS = uuid.UUID("b8f2d1c4-51f3-5b0a-9a35-6d6d72656700")
_ENDS = {"complete": "COMPLETE", "failed": "FAIL", "aborted": "ABORT"}
_UNKNOWN = "1970-01-01T00:00:00Z"
"""When something was of which nobody knows when it was: every event has a time."""

Event = dict[str, Any]


def events(lineage: Lineage, known: Known, *, pinned: bool = False, whole: bool = True) -> Iterator[Event]:
    """The events of ``lineage``, upstream first.

    ``pinned`` names datasets with their versions (``pairs@v7``), for readers that know no versions of inputs. Not
    ``whole`` is it where it is one of many that go to one place: then nothing is said of its order and its focus.
    """
    told = _Told(lineage, known, pinned, whole)
    beside: set[str] = set()
    for step in steps(lineage):
        beside.update(node.id for node, _ in (*step.inputs, *step.outputs))
        yield from told.run(step)
    for node in lineage.nodes:
        if node.kind != "run" and node.id not in beside:
            yield told.alone(node)


def run_uuid(id: str) -> str:
    """What a run is called in OpenLineage, where it must be a UUID."""
    return str(uuid.uuid5(_RUNS, id))


def dataset_name(node: Node) -> str:
    """What a dataset, a model or a source is called in OpenLineage."""
    return {"version": node.name, "checkpoint": f"models/{node.name}", "source": f"sources/{node.ref}"}[node.kind]


class _Told:
    """How the nodes of one lineage are told of."""

    def __init__(self, lineage: Lineage, known: Known, pinned: bool, whole: bool) -> None:
        self._known, self._pinned = known, pinned
        self._places = {node.id: place for place, node in enumerate(lineage.nodes)} if whole else {}
        self._focus = {lineage.focus: lineage.direction} if whole else {}

    def run(self, step: Step) -> Iterator[Event]:
        node, record = step.run, self._known.runs.get(identity(step.run))
        kind = str(node.facts.get("job", record.job.kind if record else "run"))
        namespace, id = self._known.namespace, run_uuid(identity(node))
        said = facets.run_facets(record) if record is not None else {}
        job = {"namespace": namespace, "name": f"{kind}.{node.name}", "facets": facets.job_facets(kind)}
        started, ended = (str(node.facts.get(key) or _UNKNOWN) for key in ("started_at", "ended_at"))
        yield _event("RunEvent", started, eventType="START", run={"runId": id, "facets": {}}, job=job)
        yield _event(
            "RunEvent",
            ended,
            eventType=_ENDS.get(str(node.facts.get("state")), "COMPLETE"),
            run={"runId": id, "facets": {**said, "mmreg_node": self._node(node)}},
            job=job,
            inputs=[self._input(*beside) for beside in step.inputs],
            outputs=[self._output(step, *beside) for beside in step.outputs],
        )

    def alone(self, node: Node) -> Event:
        return _event("DatasetEvent", str(node.facts.get("created_at") or _UNKNOWN), dataset=self._dataset(node))

    def _input(self, node: Node, kinds: tuple[str, ...]) -> dict[str, Any]:
        return {**self._dataset(node), "inputFacets": {"mmreg_edge": facets.own("MmregEdgeFacet", kinds=list(kinds))}}

    def _output(self, step: Step, node: Node, kinds: tuple[str, ...]) -> dict[str, Any]:
        record = self._known.runs.get(identity(step.run))
        made = output_of(record, node)
        dataset = self._dataset(node)
        came = facets.flow_facets(flow(step, node, self._known), self._name)
        statistics = facets.output_facets(made.rows if made is not None else None)
        edge = {"mmreg_edge": facets.own("MmregEdgeFacet", kinds=list(kinds))}
        return {**dataset, "facets": {**dataset["facets"], **came}, "outputFacets": {**statistics, **edge}}

    def _dataset(self, node: Node) -> dict[str, Any]:
        namespace, name = self._name(node)
        plain = dataset_name(node)
        said = facets.dataset_facets(node, self._known, plain if plain != name else None)
        return {"namespace": namespace, "name": name, "facets": {**said, "mmreg_node": self._node(node)}}

    def _name(self, node: Node) -> facets.Name:
        plain = dataset_name(node)
        if not self._pinned or node.kind == "source":
            return self._known.namespace, plain
        mark = node.ref.rpartition("@")[2] if node.kind == "version" else identity(node)[:12]
        return self._known.namespace, f"{plain}@{mark}"

    def _node(self, node: Node) -> dict[str, Any]:
        place = {"position": self._places[node.id]} if self._places else {}
        seen = {"focus": self._focus[node.id]} if node.id in self._focus else {}
        told = {"id": node.id, "kind": node.kind, "name": node.name, "ref": node.ref, "facts": dict(node.facts)}
        return facets.own("MmregNodeFacet", **told, **place, **seen)


def _event(kind: str, time: str, **said: Any) -> Event:
    return {"eventTime": time, "producer": facets.PRODUCER, "schemaURL": f"{SCHEMA}/{kind}", **said}
