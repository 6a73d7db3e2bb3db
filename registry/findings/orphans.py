"""What hangs on nothing: versions that nobody used, models of unknown data, evaluations of unknown things.

`mmreg orphans` asks the same of the whole lake; here it is about one dataset, and what comes before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Subject
from mmreg.registry.gc.reach import needed
from mmreg.registry.lineage.orphans import evaluations, versions
from mmreg.schemas.diagnosis import Diagnosis

SHOWN = 5


def look(subject: Subject) -> Iterator[Diagnosis]:
    yield _versions(subject)
    yield _models(subject)
    yield _evaluations(subject)


def _versions(subject: Subject) -> Diagnosis:
    """Those that are in the lake only because they are young: neither a person's tag nor a reader holds them."""
    catalog, dataset = subject.workspace.catalog, subject.row.dataset
    reasons = needed(subject.workspace)
    places = {row.ref: (dataset, row.lance_version) for row in catalog.versions(dataset)}
    asked = versions(catalog, dataset)
    unused = [one for one in asked.found if {why.kind for why in reasons.get(places[one.ref], ())} <= {"retention"}]
    examples = tuple({"ref": one.ref, "reason": one.said} for one in unused[:SHOWN])
    said = f"nothing was made from {len(unused):,} of {asked.of:,} versions"
    return Diagnosis("unused_versions", said, len(unused), asked.of, f"mmreg gc --plan {dataset}", examples, note=True)


def _models(subject: Subject) -> Diagnosis:
    """Models upstream that no recorded training made."""
    catalog = subject.workspace.catalog
    graph = catalog.lineage(f"version:{subject.row.uuid}", "up")
    models = [node for node in graph.nodes if node.kind == "checkpoint"]
    untrained = catalog.untrained_checkpoints()
    without = [node for node in models if node.id.removeprefix("checkpoint:") in untrained]
    examples = tuple({"ref": node.ref, "reason": "no recorded training made it"} for node in without[:SHOWN])
    said = f"of {len(without):,} of {len(models):,} models upstream no training is recorded"
    cure = "mmreg train record, with the data that it was trained on; of models of others that is what a licence is for"
    return Diagnosis("model_without_data", said, len(without), len(models), cure, examples, note=True)


def _evaluations(subject: Subject) -> Diagnosis:
    """Runs that evaluated on this dataset, of a version or a model that is not known."""
    asked = evaluations(subject.workspace.catalog, subject.row.dataset)
    examples = tuple({"ref": one.ref, "reason": one.said} for one in asked.found[:SHOWN])
    said = f"{len(asked.found):,} of {asked.of:,} evaluations name what is not known"
    return Diagnosis("evaluation_without_link", said, len(asked.found), asked.of, asked.cure, examples, note=True)
