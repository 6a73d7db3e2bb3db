"""The terms of all that a version or a model was made from: what ``mmreg license`` answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Terms:
    """The licence of one dataset or model upstream. None: nobody declared one.

    ``kind`` is what it restricts, in two words (`mmreg.schemas.terms`). ``told`` says where it is from: `mmreg.yaml`,
    the `ingest` or the `registration` that recorded it, or `nobody`. ``way`` leads from it to what was asked about.
    """

    what: Literal["dataset", "model"]
    name: str
    ref: str
    license: str | None
    kind: str
    told: Literal["mmreg.yaml", "ingest", "registration", "nobody"]
    way: tuple[str, ...]


@dataclass(frozen=True)
class RowTerms:
    """How many rows have a licence of their own, in the column ``column`` of the root ``dataset``; None: no licence."""

    dataset: str
    column: str
    license: str | None
    kind: str
    rows: int


@dataclass(frozen=True)
class TermsConflict:
    """Two licences, or one and what was made under it, that do not go together, and ``why``."""

    licenses: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Licenses:
    """The closure of ``ref``: ``terms`` are in the order of their ways, the shortest first.

    ``license`` is what ``ref`` itself was declared to be under, if anything. ``most_restrictive`` counts everything,
    rows as well; it is None where that is an ``unknown`` one, as nobody knows what it forbids: those are named.
    """

    ref: str
    license: str | None
    most_restrictive: str | None
    kind: str
    terms: tuple[Terms, ...] = ()
    rows: tuple[RowTerms, ...] = ()
    unknown: tuple[str, ...] = ()
    conflicts: tuple[TermsConflict, ...] = ()
