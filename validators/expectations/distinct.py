"""Expectations about which different values a column has, and how many."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import UsageError
from mmreg.validators.columns.digests import DigestSet, digests_of
from mmreg.validators.expectations.answer import Answer
from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.bounds import Bounds, bounds_of
from mmreg.validators.expectations.measures import measured
from mmreg.validators.expectations.of_columns import column
from mmreg.validators.expectations.sets import isin, members, members_of
from mmreg.validators.expectations.values import kind_of, missing, present
from mmreg.validators.tally import Example, short

MOST_COUNTED = 1_000_000
"""As many different values are counted at most: some 100 MB of short texts."""


class Distinct:
    """How many different values there are, or what share of all values; 16 bytes each."""

    def __init__(self, path: str, bounds: Bounds, *, share: bool) -> None:
        self.paths, self._bounds, self._share = (path,), bounds, share
        self._seen, self._different, self._values = DigestSet(), 0, 0

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        found = present(cells, missing(cells))
        self._values += len(found)
        self._different += int((~self._seen.add(digests_of([found]))).sum())

    def answer(self) -> Answer:
        if not self._share:
            return measured("number of different values", self._different, self._bounds)
        share = self._different / self._values if self._values else 0
        return measured("share of different values", share, self._bounds)


class Members:
    """Which values are not in the set, and which of the set do not come. Others are digests, 16 bytes each."""

    def __init__(self, asked: Asked, path: str, dtype: pa.DataType, *, others: bool, lacking: bool) -> None:
        self.paths = (path,)
        self._set = asked.items("value_set")
        self._members = members_of(asked, dtype)
        self._absent = set(self._set) if lacking else set()
        self._dtype, self._may_be_others, self._lacking = dtype, others, lacking
        self._others, self._unexpected = DigestSet(), 0
        self._most, self._examples = asked.spec.examples, list[Example]()

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        absent = missing(cells)
        found, whose = present(cells, absent), present(samples, absent)
        known = isin(found, self._members)
        if self._absent:
            still = [value for value in self._absent if isin(found, members([value], self._dtype)).any()]
            self._absent.difference_update(still)
        if self._may_be_others or known.all():
            return
        found, whose = found.filter(pa.array(~known)), whose.filter(pa.array(~known))
        new = ~self._others.add(digests_of([found]))
        self._unexpected += int(new.sum())
        for row in np.flatnonzero(new)[: self._most - len(self._examples)].tolist():
            value = short(found[row].as_py())
            self._examples.append({"sample_id": whose[row].as_py().hex(), "value": value, "reason": "not in the set"})

    def answer(self) -> Answer:
        counts: dict[str, Any] = {"observed_value": None}
        said = []
        if not self._may_be_others:
            counts["unexpected_count"] = self._unexpected
            said.append(f"{self._unexpected:,} different values are not in the set")
        if self._lacking:
            counts["missing_count"] = len(self._absent)
            named = ", ".join(sorted(map(short, self._absent))[:5])
            said.append(f"{len(self._absent):,} of the set do not come" + (f": {named}" if named else ""))
        good = not self._unexpected and not self._absent
        return Answer(good, counts, "; ".join(said), tuple(self._examples))


class Common:
    """The most common values: all values are counted, up to `MOST_COUNTED` different ones."""

    def __init__(self, asked: Asked, path: str) -> None:
        self.paths, self._asked = (path,), asked
        self._set, self._ties = set(asked.items("value_set")), asked.flag("ties_okay")
        self._counts: Counter[Any] = Counter()

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        counted = pc.value_counts(present(cells, missing(cells)))
        values, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
        self._counts.update(dict(zip(values, counts, strict=True)))
        if len(self._counts) > MOST_COUNTED:
            raise UsageError(
                f"{self._asked.spec.check}: {self.paths[0]} has more than {MOST_COUNTED:,} different values to count",
                hint="sample: 100000",
            )

    def answer(self) -> Answer:
        most = max(self._counts.values(), default=0)
        modes = sorted(value for value, count in self._counts.items() if count == most)
        common = self._set.intersection(modes)
        good = bool(common) if self._ties else len(modes) == 1 and len(common) == 1
        said = (
            f"{len(modes):,} values come {most:,} times" if len(modes) != 1 else f"the most common comes {most:,} times"
        )
        message = f"{said}, {len(common):,} of them in the set"
        return Answer(good, {"observed_value": modes}, message)


def distinct_count(asked: Asked) -> Distinct:
    asked.whole("min_value")
    asked.whole("max_value")
    return Distinct(_flat(asked), bounds_of(asked, ordered=False), share=False)


def distinct_share(asked: Asked) -> Distinct:
    return Distinct(_flat(asked), bounds_of(asked, ordered=False), share=True)


def distinct_in_set(asked: Asked) -> Members:
    if asked.get("value_set") == []:
        raise asked.wrong("value_set", "must not be empty")
    return _members(asked, others=False, lacking=False)


def distinct_contain(asked: Asked) -> Members:
    return _members(asked, others=True, lacking=True)


def distinct_equal(asked: Asked) -> Members:
    return _members(asked, others=False, lacking=True)


def most_common(asked: Asked) -> Common:
    path, dtype = column(asked, "integer", "number", "text")
    members_of(asked, dtype)
    return Common(asked, path)


def _members(asked: Asked, *, others: bool, lacking: bool) -> Members:
    path, dtype = column(asked, "integer", "number", "text", "truth")
    return Members(asked, path, dtype, others=others, lacking=lacking)


def _flat(asked: Asked) -> str:
    path = asked.path()
    if kind_of(asked.table.type(path)) == "other":
        raise ForGreatExpectations
    return path
