"""A `Run`: one execution of a job, what it used and what it generated. The unit of provenance.

The JSON form is what every Lance commit carries in its property ``mmreg.run`` and what every object under
``_mmreg/runs/`` holds: it is an on-disk format, so fields are only ever added.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from mmreg.schemas.refs import VersionRef
from mmreg.schemas.secrets import redacted

Json = Any
"""Whatever `json` can carry: facets are open by design, as OpenLineage's are."""

FORMAT = 1

REMOVED = "removed"
"""The facet by which a run says which versions it removes from the lake: a list of dataset, uuid, lance_version."""


class RunState(StrEnum):
    """How an execution ended."""

    COMPLETE = "complete"
    """It did what it said; its outputs are in the lake."""
    FAILED = "failed"
    """It stopped by itself; the reason is in the facet ``error``."""
    ABORTED = "aborted"
    """Somebody stopped it."""


JobKind = Literal[
    "ingest", "schema", "pass", "select", "training", "evaluation", "validation", "promotion", "model", "alias", "drop",
    "erasure", "maintenance", "unattributed",
]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A definition: what ran. ``name`` is the dataset, pass, training or check set as declared."""

    kind: JobKind
    name: str


@dataclass(frozen=True)
class RunInput:
    """One thing that a run read.

    ``kind`` is what the thing is, ``role`` is the kind of the edge from it to the run. ``id`` is a version's
    uuid, a checkpoint's digest or a source's digest; ``ref`` is how a person would name it at that time.
    """

    kind: Literal["version", "checkpoint", "source"]
    id: str
    ref: str
    role: Literal["used", "curated_by", "trained_on", "init_from", "evaluated_on"] = "used"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionOutput:
    """A dataset version that a run published.

    ``uuid`` is the transaction's, known before the commit; ``lance_version`` only after it, so it is absent
    (None) in the commit's own copy. ``ordinal`` counts what mmreg published; it is 0 for a commit that others
    made. ``rows`` counts samples. ``roots`` lists, for a derived dataset, the root versions that it refers to, as
    ``{"dataset", "uuid", "lance_version"}``. ``columns`` are the ones made or filled by this run. ``files`` are the
    digests of the version's manifest and transaction file, by their path within the table's folder; they, too, are
    known only after the commit.
    """

    dataset: str
    uuid: str
    ordinal: int
    kind: Literal["root", "derived"]
    rows: int
    rejected: int = 0
    lance_version: int | None = None
    roots: tuple[Mapping[str, Json], ...] = ()
    columns: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        return str(VersionRef.at(self.dataset, self.ordinal, self.uuid))


@dataclass(frozen=True)
class Run:
    """One execution. ``id`` sorts by its start; times are ISO 8601 in UTC with microseconds.

    ``outputs`` are the versions that it published, ``checkpoints`` the models that it registered (in the JSON
    form of `mmreg.schemas.model.Checkpoint`), ``facets`` everything else, each under a name of its own.
    """

    id: str
    job: Job
    state: RunState
    started_at: str
    ended_at: str
    inputs: tuple[RunInput, ...] = ()
    outputs: tuple[VersionOutput, ...] = ()
    checkpoints: tuple[Mapping[str, Json], ...] = ()
    facets: Mapping[str, Json] = field(default_factory=dict)
    declared: bool = True
    tool: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """One line of canonical JSON: sorted keys, no spaces, UTF-8 kept; what looks like a secret is left out."""
        doc = {  # not asdict: it copies all facets, which took half of the time that an index is rebuilt in
            **vars(self),
            "job": vars(self.job),
            "inputs": [vars(used) for used in self.inputs],
            "outputs": [vars(made) for made in self.outputs],
        }
        text = json.dumps(doc, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=asdict)
        return redacted(text)

    @classmethod
    def from_json(cls, text: str) -> Run:
        """Parse what `to_json` wrote. Unknown fields of a newer format are ignored, not refused."""
        doc = json.loads(text)
        return cls(
            id=doc["id"],
            job=Job(doc["job"]["kind"], doc["job"]["name"]),
            state=RunState(doc["state"]),
            started_at=doc["started_at"],
            ended_at=doc["ended_at"],
            inputs=tuple(_build(RunInput, i, columns=tuple(i.get("columns", ()))) for i in doc["inputs"]),
            outputs=tuple(
                _build(VersionOutput, o, roots=tuple(o.get("roots", ())), columns=tuple(o.get("columns", ())))
                for o in doc["outputs"]
            ),
            checkpoints=tuple(doc.get("checkpoints", ())),
            facets=doc.get("facets", {}),
            declared=doc.get("declared", True),
            tool=doc.get("tool", ""),
            format=doc.get("format", FORMAT),
        )

    def with_output(self, output: VersionOutput) -> Run:
        """This run with ``output`` in the place of the one with the same uuid, or added."""
        others = tuple(o for o in self.outputs if o.uuid != output.uuid)
        return replace(self, outputs=(*others, output))


def _build(cls: type[Any], doc: Mapping[str, Json], **converted: Json) -> Any:
    known = {name: doc[name] for name in cls.__dataclass_fields__ if name in doc}
    return cls(**{**known, **converted})
