"""How a pass stands on each fragment of a version: the summary that its run leaves behind and the next plan reads.

Kept by column, as there may be thousands of fragments, and twenty passes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Prints = Mapping[int, int]
_COUNTS = ("live", "rows", "done", "failed")


@dataclass(frozen=True)
class FragmentState:
    """How the wanted rows of one fragment stand: ``generations`` counts those done or failed (hex: rows).

    Rows that are neither are pending.

    ``seen`` is the fingerprint of its files. ``live`` counts all its rows that are not deleted: deletions change no
    file, only these numbers.
    """

    fragment: int
    seen: int
    live: int
    rows: int
    done: int = 0
    failed: int = 0
    generations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """The states of many fragments, one entry each; ``counts`` has live, rows, done and failed as its columns."""

    fragments: NDArray[np.int64]
    seen: NDArray[np.uint64]
    counts: NDArray[np.int64]
    generations: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, states: Sequence[FragmentState]) -> Standing:
        names = sorted({name for state in states for name in state.generations})
        return cls(
            np.array([state.fragment for state in states], np.int64),
            np.array([state.seen for state in states], np.uint64),
            np.array([[getattr(state, count) for count in _COUNTS] for state in states], np.int64).reshape(-1, 4),
            {name: np.array([state.generations.get(name, 0) for state in states], np.int64) for name in names},
        )

    @classmethod
    def load(cls, summary: bytes | None, recipe: str) -> Standing:
        """What `dump` wrote; nothing where it is of another recipe, as then nothing in it holds."""
        doc: dict[str, Any] = json.loads(summary) if summary is not None else {}
        if doc.get("recipe") != recipe:
            return cls.of([])
        return cls(
            np.array(doc["fragments"], np.int64),
            np.frombuffer(bytes.fromhex(doc["seen"]), "<u8").astype(np.uint64),
            np.array([doc[count] for count in _COUNTS], np.int64).T,
            {name: np.array(rows, np.int64) for name, rows in doc["generations"].items()},
        )

    def dump(self, recipe: str) -> bytes:
        """As JSON; the fingerprints as one hexadecimal string."""
        doc = {
            "recipe": recipe,
            "fragments": self.fragments.tolist(),
            "seen": self.seen.astype("<u8").tobytes().hex(),
            **{count: column.tolist() for count, column in zip(_COUNTS, self.counts.T, strict=True)},
            "generations": {name: rows.tolist() for name, rows in self.generations.items() if rows.any()},
        }
        return json.dumps(doc, sort_keys=True, separators=(",", ":")).encode()

    @property
    def live(self) -> NDArray[np.int64]:
        return self.counts[:, 0]

    @property
    def rows(self) -> NDArray[np.int64]:
        return self.counts[:, 1]

    @property
    def done(self) -> NDArray[np.int64]:
        return self.counts[:, 2]

    @property
    def failed(self) -> NDArray[np.int64]:
        return self.counts[:, 3]

    def made_by(self, generation: int) -> NDArray[np.int64]:
        """The rows that one generation has made, done or failed."""
        return _rows(self, f"{generation:016x}")

    def states(self) -> dict[int, FragmentState]:
        """Each state by its fragment."""
        found = {}
        for place, number in enumerate(self.fragments.tolist()):
            generations = {name: int(rows[place]) for name, rows in self.generations.items() if rows[place]}
            live, rows, done, failed = self.counts[place].tolist()
            found[number] = FragmentState(number, int(self.seen[place]), live, rows, done, failed, generations)
        return found

    def total(self, count: Literal["live", "rows", "done", "failed"]) -> int:
        """One of the counts, over all fragments."""
        return int(self.counts[:, _COUNTS.index(count)].sum())

    def find(self, fragments: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which of ``fragments`` are here, and the places of those."""
        there = np.isin(fragments, self.fragments)
        order = np.argsort(self.fragments)
        return there, order[np.searchsorted(self.fragments, fragments[there], sorter=order)]

    def at(self, places: NDArray[Any]) -> Standing:
        """The states at ``places``: numbers, or a mask."""
        generations = {name: rows[places] for name, rows in self.generations.items()}
        return Standing(self.fragments[places], self.seen[places], self.counts[places], generations)

    def joined(self, other: Standing) -> Standing:
        names = {**self.generations, **other.generations}
        return Standing(
            np.concatenate([self.fragments, other.fragments]),
            np.concatenate([self.seen, other.seen]),
            np.concatenate([self.counts, other.counts]),
            {name: np.concatenate([_rows(self, name), _rows(other, name)]) for name in names},
        )

    def moved(
        self, moves: Sequence[tuple[Sequence[int], int]], before: Prints, after: Prints, live: Mapping[int, int]
    ) -> Standing:
        """Once each fragment of ``moves`` stands for others with the same rows and cells.

        ``before`` and ``after`` are the fingerprints of the files by fragment, ``live`` counts the rows as they were
        before. What did not stand as it is told here is left out: it is looked at anew.
        """
        states = self.states()
        known = [
            (old, number)
            for old, number in moves
            if all(n in states and states[n].seen == before[n] and states[n].live == live[n] for n in old)
        ]
        gone = [n for old, _ in moves for n in old]
        made = [_sum([states[n] for n in old], number, after[number]) for old, number in known]
        return self.at(~np.isin(self.fragments, gone)).joined(Standing.of(made))

    def computed(self, outcomes: Mapping[int, tuple[int, int]], generation: int) -> Standing:
        """After a run computed pending rows: by fragment how many of them are done now, and how many failed."""
        there, places = self.find(np.array(list(outcomes), np.int64))
        news = np.array(list(outcomes.values()), np.int64).reshape(-1, 2)[there]
        counts, own = self.counts.copy(), self.made_by(generation).copy()
        counts[places, 2:] += news
        own[places] += news.sum(axis=1)
        return replace(self, counts=counts, generations={**self.generations, f"{generation:016x}": own})


def _sum(states: Sequence[FragmentState], fragment: int, seen: int) -> FragmentState:
    counts = {count: sum(getattr(state, count) for state in states) for count in _COUNTS}
    generations = Counter[str]()
    for state in states:
        generations.update(state.generations)
    return FragmentState(fragment, seen, **counts, generations=generations)


def _rows(standing: Standing, generation: str) -> NDArray[np.int64]:
    return standing.generations.get(generation, np.zeros(len(standing.fragments), np.int64))
