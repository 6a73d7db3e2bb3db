"""The same samples where a model learns and where it is judged."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.registry.findings.subject import Ask, Subject, Unanswered, check


def asks(subject: Subject) -> Iterator[Ask | Unanswered]:
    yield from _between_splits(subject)
    evaluations = sorted(_evaluated_on(subject) - _descendants(subject))
    for name in evaluations:
        yield from _against(subject, name)
    if not evaluations:
        yield Unanswered("leak_evaluation", "no other dataset is declared or recorded to be evaluated on")


def _between_splits(subject: Subject) -> Iterator[Ask | Unanswered]:
    splits = subject.world.splits()
    if len(splits) < 2 or not subject.media:
        yield Unanswered("leak_splits", "it has no splits" if len(splits) < 2 else "it has no column of media")
        return
    cure = "in the pass with 'use: split', params: {group: COLUMN}, a column that is the same for what belongs together"
    for column in subject.media:
        yield Ask("leak_splits", check("no_exact_duplicates", column=column, across="splits"), cure, column)
    for column in subject.made_by("image_stats", "phash"):
        yield Ask("leak_splits", check("no_near_duplicates", column=column, across="splits"), cure, column)


def _evaluated_on(subject: Subject) -> set[str]:
    """Datasets on which models are evaluated: as declared, or as runs have recorded."""
    workspace = subject.workspace
    declared = {name for training in workspace.spec.trainings.values() for name in training.evaluate_on}
    runs = [*workspace.catalog.runs("evaluation"), *workspace.catalog.runs("training")]
    recorded = {i.ref.partition("@")[0] for run in runs for i in run.inputs if i.role == "evaluated_on"}
    return {name for name in declared | recorded if workspace.exists(name)}


def _descendants(subject: Subject) -> set[str]:
    """The dataset and what is chosen or made from it: of these all rows are in it, as they should be."""
    found = {subject.row.dataset}
    while True:
        more = {p.into for p in subject.workspace.spec.passes.values() if p.into and found & set(p.reads)}
        if more <= found:
            return found
        found |= {name for name in more if name is not None}


def _against(subject: Subject, name: str) -> Iterator[Ask | Unanswered]:
    evaluation = subject.workspace.latest(name)
    theirs = subject.workspace.open_version(evaluation.ref).schema.names
    cure = f"{{from: {subject.row.dataset}, into: NAME, use: filter, none_of: [{name}]}}; or: mmreg why, mmreg erase"
    yield Ask("leak_evaluation", check("lineage.no_leak", evaluation=evaluation.ref, by="sample_id"), cure, name)
    for column in subject.media:
        if column in theirs:
            asked = check("lineage.no_leak", evaluation=evaluation.ref, by="media", column=column)
            yield Ask("leak_evaluation", asked, cure, f"{name}, {column}")
