"""OpenLineage events as a lineage: those that mmreg wrote as it was, those of others as far as they tell."""

from __future__ import annotations

from collections.abc import Iterable

from mmreg.registry.exchange.gathered import Doc, Gathered, table, tables, text, wrong
from mmreg.schemas.lineage import Lineage

_STATES = {"COMPLETE": "complete", "FAIL": "failed", "ABORT": "aborted"}


def read_events(events: Iterable[tuple[str, object]]) -> Lineage:
    """The lineage of ``events``, each with where it stands. Raises `UsageError` where one is none.

    What mmreg has not written has ids made of its names, and edges `used` and `generated` alone.
    """
    gathered = Gathered()
    for where, event in events:
        if not isinstance(event, dict):
            raise wrong(where, "this is no event, but " + type(event).__name__)
        if "run" in event:
            _run(gathered, where, event)
        elif "dataset" in event:
            _dataset(gathered, where, table(where, event, "dataset"))
        elif "job" not in event:
            raise wrong(where, "an event has a run, a job or a dataset")
    return gathered.lineage()


def _run(gathered: Gathered, where: str, event: Doc) -> None:
    if event.get("eventType") == "START" and not (event.get("inputs") or event.get("outputs")):
        return
    run = table(where, event, "run")
    inputs = [
        (_dataset(gathered, where, doc), _kinds(where, doc, "inputFacets", "used"))
        for doc in tables(where, event, "inputs")
    ]
    own = table(where, table(where, run, "facets"), "mmreg_node")
    this = gathered.node(where, own or _foreign_run(where, event, run))
    outputs = [
        (_dataset(gathered, where, doc), _kinds(where, doc, "outputFacets", "generated"))
        for doc in tables(where, event, "outputs")
    ]
    for source, kinds in inputs:
        for kind in kinds:
            gathered.edge(where, source, this, kind)
    for target, kinds in outputs:
        for kind in kinds:
            gathered.edge(where, this, target, kind)


def _dataset(gathered: Gathered, where: str, doc: Doc) -> str:
    own = table(where, table(where, doc, "facets"), "mmreg_node")
    return gathered.node(where, own or _foreign_dataset(where, doc))


def _kinds(where: str, doc: Doc, facets: str, usual: str) -> list[object]:
    kinds = table(where, table(where, doc, facets), "mmreg_edge").get("kinds", [usual])
    if not isinstance(kinds, list):
        raise wrong(where, "'kinds' is not a list")
    return kinds


def _foreign_run(where: str, event: Doc, run: Doc) -> Doc:
    id, job = text(where, run, "runId"), table(where, event, "job")
    facts = {"state": _STATES.get(str(event.get("eventType")), "complete"), "ended_at": text(where, event, "eventTime")}
    return {"id": f"run:{id}", "kind": "run", "name": text(where, job, "name"), "ref": f"run:{id}", "facts": facts}


def _foreign_dataset(where: str, doc: Doc) -> Doc:
    name = text(where, doc, "name")
    facets = table(where, doc, "facets")
    version = table(where, facets, "version").get("datasetVersion")
    model = table(where, facets, "datasetType").get("datasetType") == "MODEL"
    ref = f"{name}@{version}" if version else name
    kind = "checkpoint" if model else "version"
    return {"id": f"{kind}:{text(where, doc, 'namespace')}/{ref}", "kind": kind, "name": name, "ref": ref}
