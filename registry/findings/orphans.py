"""What hangs on nothing: versions that nobody used, models of unknown data, evaluations of unknown things."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Subject
from mmreg.registry.gc.reach import needed
from mmreg.schemas.diagnosis import Diagnosis

SHOWN = 5


def look(subject: Subject) -> Iterator[Diagnosis]:
    yield _versions(subject)
    yield _models(subject)
    yield _evaluations(subject)


def _versions(subject: Subject) -> Diagnosis:
    """Those that are in the lake only because they are young."""
    dataset, reasons = subject.row.dataset, needed(subject.workspace)
    there = [row for row in subject.workspace.catalog.versions(dataset) if not row.removed_by]
    unused = [
        row for row in there if {one.kind for one in reasons.get((dataset, row.lance_version), ())} <= {"retention"}
    ]
    examples = tuple({"ref": row.ref, "reason": f"{row.job_kind} {row.job_name}"} for row in unused[:SHOWN])
    said = f"nothing was made from {len(unused):,} of {len(there):,} versions"
    return Diagnosis(
        "unused_versions", said, len(unused), len(there), f"mmreg gc --plan {dataset}", examples, note=True
    )


def _models(subject: Subject) -> Diagnosis:
    """Models upstream that no recorded training made."""
    graph = subject.workspace.catalog.lineage(f"version:{subject.row.uuid}", "up")
    models = [node for node in graph.nodes if node.kind == "checkpoint"]
    trainings = {node.id for node in graph.nodes if node.kind == "run" and node.facts.get("job") == "training"}
    trained = {edge.target for edge in graph.edges if edge.kind == "generated" and edge.source in trainings}
    without = [node for node in models if node.id not in trained]
    examples = tuple({"ref": node.ref, "reason": "no recorded training made it"} for node in without[:SHOWN])
    said = f"of {len(without):,} of {len(models):,} models upstream no training is recorded"
    cure = "mmreg train record, with the data that it was trained on; of models of others that is what a licence is for"
    return Diagnosis("model_without_data", said, len(without), len(models), cure, examples, note=True)


def _evaluations(subject: Subject) -> Diagnosis:
    """Runs that evaluated on this dataset, of a version or a model that is not known."""
    catalog, dataset = subject.workspace.catalog, subject.row.dataset
    known = {row.uuid for row in catalog.versions(dataset)}
    registered = {model.digest for model in catalog.models()}
    examples: list[dict[str, str]] = []
    evaluated = lost = 0
    for run in (*catalog.runs("evaluation"), *catalog.runs("training")):
        on = [i for i in run.inputs if i.role == "evaluated_on" and i.ref.partition("@")[0] == dataset]
        if not on:
            continue
        evaluated += 1
        models = [i.id for i in run.inputs if i.kind == "checkpoint" and i.role == "used"]
        unknown = [i.ref for i in on if i.id not in known] + [id for id in models if id not in registered]
        if unknown:
            lost += 1
            examples.append({"ref": f"run:{run.id}", "reason": f"{unknown[0]} is not known"})
    said = f"{lost:,} of {evaluated:,} evaluations name what is not known"
    cure = "mmreg eval record MODEL REF, with the version and the model that were meant"
    return Diagnosis("evaluation_without_link", said, lost, evaluated, cure, tuple(examples[:SHOWN]), note=True)
