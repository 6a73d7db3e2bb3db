"""What `mmreg doctor DATASET` found in a version of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DIAGNOSES: Mapping[str, str] = {
    "failed_checks": "the version failed its declared checks",
    "exact_duplicates": "media come more than once, byte by byte",
    "near_duplicates": "images look like earlier ones, by their perceptual hashes",
    "boilerplate": "captions are repeated over and over, or are stock phrases",
    "noise": "image and text fit together badly, by the score of a model",
    "bombs": "records were rejected, undecoded: they are past the limits of what a source may bring",
    "rejected": "records of the source did not become rows",
    "tail_loss": "a selection throws away what is rare before what is frequent",
    "leak_splits": "the same media are in two splits",
    "leak_evaluation": "rows are in a set that models are evaluated on",
    "stale": "rows failed in a pass, or what a pass made of them is out of date",
    "unused_versions": "versions that nothing was made from, that no model was trained on and no name means",
    "model_without_data": "nobody knows what a model that took part was trained on",
    "evaluation_without_link": "an evaluation names a version or a model that the registry does not know",
}
"""Every code that a finding may have, and what it says."""


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is not as it should be: ``count`` of the ``of`` that were looked at (rows, records, versions).

    ``examples`` are a few of them; ``cure`` is the pass to declare or the command to type. ``note``: worth knowing,
    and not by itself wrong.
    """

    code: str
    message: str
    count: int
    of: int
    cure: str
    examples: tuple[Mapping[str, str], ...] = ()
    note: bool = False


@dataclass(frozen=True)
class DatasetReport:
    """What was found in ``version``. ``looked_for`` lists the codes that were, ``unanswered`` those that were not, or
    not to an answer, each with the reason."""

    dataset: str
    version: str
    uuid: str
    rows: int
    findings: tuple[Diagnosis, ...]
    looked_for: tuple[str, ...] = ()
    unanswered: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(finding.note for finding in self.findings)
