"""What is rare, and is thrown away before what is frequent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.errors import MmregError
from mmreg.registry.derive import roots_at
from mmreg.registry.findings.subject import Subject, Unanswered, check
from mmreg.registry.validation import run_checks
from mmreg.schemas.diagnosis import Diagnosis

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow


def look(subject: Subject) -> Iterator[Diagnosis | Unanswered]:
    """Of a derived dataset against its root, of a root in each selection from it."""
    selections = [subject.row] if subject.row.kind == "derived" else list(_selections(subject))
    if not subject.texts or not selections:
        yield Unanswered(
            "tail_loss", "nothing is selected from it" if subject.texts else "it has no column of type text"
        )
        return
    for row in selections:
        for column in subject.texts:
            yield _loss(subject, row, column)


def _selections(subject: Subject) -> Iterator[VersionRow]:
    """The newest versions of what is chosen from this root alone."""
    workspace = subject.workspace
    for summary in workspace.catalog.datasets():
        row = workspace.latest(summary.name)
        if row.kind == "derived" and [root["dataset"] for root in row.roots] == [subject.row.dataset]:
            yield row


def _loss(subject: Subject, row: VersionRow, column: str) -> Diagnosis | Unanswered:
    root, at = roots_at(row)[0]
    against = subject.workspace.version_at(root, at).ref
    asked = check("guard.tail_retention", column=column, against=against)
    try:
        (result,) = run_checks(subject.workspace, row, [asked], record=False).results
    except MmregError as error:  # a selection that is read by other columns, or has none of them any more
        return Unanswered("tail_loss", f"{row.ref}: {error.message}")
    if result.status == "insufficient":
        return Unanswered("tail_loss", f"{row.ref}, {column}: {result.message}")
    cure = f"look at what drops them (mmreg show {row.dataset}), and select by top or band rather than by a threshold"
    found = Diagnosis("tail_loss", f"{row.ref}, {column}: {result.message}", result.failed, result.examined, cure)
    return replace(found, examples=result.examples)
