"""A lineage as W3C PROV, in its JSON form (PROV-JSON, a W3C member submission), and back.

Versions, models and sources are entities, runs are activities. A model that chose or made data is an agent, too, under
the same name: PROV lets a thing be both. People are agents without names, but for a pseudonym where one was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mmreg.registry.exchange.known import Known, Step, identity, people, steps
from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.run import Run

Document = dict[str, Any]
TERMS = "urn:mmreg:prov:1:"
_TYPES = {"version": "mmreg:Version", "checkpoint": "mmreg:Model", "source": "mmreg:Source", "run": "mmreg:Run"}
_CARRIES = ("used", "continues", "trained_on", "init_from")
"""Kinds of edges by which what comes out of a run derives from what went in."""
MMREG = "mmreg:software"


def document(lineage: Lineage, known: Known) -> Document:
    """The PROV-JSON document of ``lineage``."""
    told: Document = {"prefix": {"mmreg": TERMS, "lake": f"urn:mmreg:lake:{known.lake}:"}}
    for place, node in enumerate(lineage.nodes):
        part = "activity" if node.kind == "run" else "entity"
        focus = {"mmreg:focus": lineage.direction} if node.id == lineage.focus else {}
        told.setdefault(part, {})[name_of(node)] = {**_node(node), "mmreg:position": place, **focus}
    relations = _Relations(told)
    for step in steps(lineage):
        _step(relations, step, known.runs.get(identity(step.run)))
    return told


def name_of(node: Node) -> str:
    """What a node is called in a document."""
    return f"lake:{node.kind}.{_local(identity(node))}"


class _Relations:
    """What is said of how things belong together, each under a number of its own."""

    def __init__(self, told: Document) -> None:
        self._told = told

    def add(self, relation: str, **said: Any) -> None:
        of_kind = self._told.setdefault(relation, {})
        of_kind[f"_:{relation}{len(of_kind) + 1}"] = {f"prov:{key}": value for key, value in said.items()}

    def agent(self, name: str, kind: str, label: str | None = None) -> str:
        known = {"prov:label": label} if label is not None else {}
        self._told.setdefault("agent", {})[name] = {"prov:type": _term(f"prov:{kind}"), **known}
        return name


def _step(relations: _Relations, step: Step, record: Run | None) -> None:
    activity = name_of(step.run)
    made = [name_of(node) for node, _ in step.outputs]
    for node, kinds in step.inputs:
        for kind in kinds:
            relations.add("used", activity=activity, entity=name_of(node), role=_term(f"mmreg:{kind}"))
    for node, kinds in step.outputs:
        for kind in kinds:
            relations.add("wasGeneratedBy", entity=name_of(node), activity=activity, role=_term(f"mmreg:{kind}"))
    for output in made:
        for node, kinds in step.inputs:
            if any(kind in _CARRIES for kind in kinds):
                revised = {"type": _term("prov:Revision")} if kinds == ("continues",) else {}
                relations.add(
                    "wasDerivedFrom", generatedEntity=output, usedEntity=name_of(node), activity=activity, **revised
                )
    relations.agent(MMREG, "SoftwareAgent", "mmreg")
    relations.add("wasAssociatedWith", activity=activity, agent=MMREG)
    for agent, role in _agents(relations, step, record):
        relations.add("wasAssociatedWith", activity=activity, agent=agent, role=_term(f"mmreg:{role}"))
        for output in made:
            relations.add("wasAttributedTo", entity=output, agent=agent)


def _agents(relations: _Relations, step: Step, record: Run | None) -> Iterator[tuple[str, str]]:
    """The models and the people behind what a run made."""
    for node, kinds in step.inputs:
        if node.kind == "checkpoint" and "curated_by" in kinds:
            yield relations.agent(name_of(node), "SoftwareAgent", node.ref), "curator"
    for mark, name in people(record) if record is not None else ():
        yield relations.agent(f"lake:person.{_local(mark)}", "Person", name), "annotator"


def _node(node: Node) -> dict[str, Any]:
    facts = {
        "mmreg:id": node.id,
        "mmreg:name": node.name,
        "mmreg:facts": json.dumps(node.facts, ensure_ascii=False),
    }
    times = {}
    if node.kind == "run":
        ends = {"prov:startTime": node.facts.get("started_at"), "prov:endTime": node.facts.get("ended_at")}
        times = {key: time for key, time in ends.items() if _is_time(time)}
    return {"prov:label": node.ref, "prov:type": _term(_TYPES[node.kind]), **times, **facts}


def _term(name: str) -> Mapping[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _local(text: str) -> str:
    """``text`` as the local part of a qualified name: what may not stand in one is escaped."""
    return quote(text, safe="").replace("~", "%7E")


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
