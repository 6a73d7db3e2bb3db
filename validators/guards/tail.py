"""What is rare: concepts that a reference has seldom, and rows that have one of them.

The tail is told as MetaCLIP does (arXiv 2309.16671): concepts with a count below a threshold, which is put where the
concepts below it have together about the share p of all occurrences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.schemas.cells import values
from mmreg.validators.lineage.keys import normalised

Concepts = Callable[[Any], Sequence[object]]
"""The concepts of a cell, each once."""
SURVIVES = 0.1
"""A concept of the tail survives where this share of its rows is kept, and at least one."""


def words(cell: str) -> Sequence[str]:
    """The words of a caption, without case and punctuation."""
    return list(dict.fromkeys(normalised(cell).split()))


def itself(cell: object) -> Sequence[object]:
    """A cell that is a concept, as the number of a cluster is."""
    return (cell,)


def items(cell: Sequence[object]) -> Sequence[object]:
    """The items of a list."""
    return list(dict.fromkeys(item for item in cell if item is not None))


def p_to_t(counts: Iterable[int], p: float) -> int:
    """The threshold t: concepts with a count below it have together, nearest of all thresholds, the share ``p``.

    Of two that are equally near the lower one. There are to be some ``counts``; all positive.
    """
    distinct, concepts = np.unique(np.fromiter(counts, np.int64), return_counts=True)
    mass = distinct * concepts
    below = (np.cumsum(mass) - mass) / mass.sum()
    return int(distinct[np.argmin(np.abs(below - p))])


@dataclass
class Counted:
    """Rows of a version by whether they have a concept of the tail, and by each of these concepts."""

    tail: int = 0
    head: int = 0
    concepts: Counter[object] = field(default_factory=Counter)


class Tail:
    """The concepts of a reference, by the number of its rows that have them. Memory: what the concepts take."""

    def __init__(self, of: Concepts, columns: Iterable[pa.Array[Any]], p: float) -> None:
        self._of = of
        self.counts: Counter[object] = Counter()
        for cells in columns:
            for cell in values(cells.drop_null()):
                self.counts.update(of(cell))
        self.threshold = p_to_t(self.counts.values(), p) if self.counts else 0

    def is_rare(self, concept: object) -> bool:
        return 0 < self.counts[concept] < self.threshold

    def count(self, columns: Iterable[pa.Array[Any]]) -> Counted:
        """Rows whose concepts the reference does not know are neither tail nor head."""
        found = Counted()
        for cells in columns:
            for cell in values(cells.drop_null()):
                known = [concept for concept in self._of(cell) if concept in self.counts]
                rare = [concept for concept in known if self.is_rare(concept)]
                found.tail += bool(rare)
                found.head += bool(known) and not rare
                found.concepts.update(rare)
        return found


def survival(before: Mapping[object, int], after: Mapping[object, int]) -> float | None:
    """The share of the tail's concepts of which enough rows were kept; None where there is none."""
    survived = [after.get(c, 0) >= max(1, ceil(SURVIVES * rows)) for c, rows in before.items()]
    return sum(survived) / len(survived) if survived else None
