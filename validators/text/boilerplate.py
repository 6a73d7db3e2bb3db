"""boilerplate: captions say something, and not all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.digests import DigestCounts, Digests, digests_of
from mmreg.validators.columns.kinds import demand, different, is_text, texts
from mmreg.validators.table import Table
from mmreg.validators.tally import Example, share, short, verdict
from mmreg.validators.text.stock import plain, stock

_BLOCK = 65_536


class Arguments(Declared):
    column: str
    max_share: float = Field(0.01, gt=0, lt=1)
    phrases: tuple[str, ...] = Field((), strict=False)


@dataclass
class _Repeated:
    """A text that comes often: how it is shown, the first few samples with it, whether a pattern knows it anyway."""

    shown: str
    stock: bool
    samples: list[str] = field(default_factory=list)
    rows: int = 0


class Boilerplate:
    """No text is repeated in more than max_share of the rows, and none is a file name, a placeholder or a stock phrase.

    Texts are compared in small letters and with single blanks; null is not examined. ``phrases`` are more that a text
    must not hold. All different texts are counted by their digests, 24 bytes each; of the texts themselves only those
    are remembered that come often (see `_look`), so what was seen is not kept to be merged.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._spec, self._column, self._share = spec, arguments.column, arguments.max_share
        demand("boilerplate", table, self._column, is_text, "a column of texts")
        self._phrases = {
            f"holds {phrase!r}": re.escape(" ".join(phrase.lower().split())) for phrase in arguments.phrases
        }
        self.columns = (self._column,)
        self._waiting: list[pa.Table] = []
        self._waits = self._rows = self._examined = self._stock = 0
        self._counts = DigestCounts()
        self._often: dict[bytes, _Repeated] = {}
        self._examples: list[Example] = []

    def update(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        column = texts(batch, self._column)
        there = pa.table({"sample_id": batch.column("sample_id"), "text": column}).filter(pc.is_valid(column))
        self._waiting.append(there)
        self._waits += there.num_rows
        while self._waits >= _BLOCK:
            whole = pa.concat_tables(self._waiting)
            self._look(whole.slice(0, _BLOCK))
            self._waiting, self._waits = [whole.slice(_BLOCK)], self._waits - _BLOCK

    def result(self) -> CheckResult:
        if self._waits:
            self._look(pa.concat_tables(self._waiting))
            self._waiting, self._waits = [], 0
        often = sorted(self._often.values(), key=lambda one: -one.rows)
        failed = self._stock + sum(one.rows for one in often if not one.stock)
        message = share(self._spec, self._examined, failed, "texts are boilerplate")
        if failed:
            told = f"{sum(one.rows for one in often):,} in {len(often):,} texts that come too often"
            message += f": {told}, {self._stock:,} by what they are"
        if self._rows and not self._examined:
            message = f"nothing to examine: {self._rows:,} rows, all null"
        result = verdict(self._spec, self._column, self._examined, failed, message, self._shown(often))
        if not self._examined:
            return result
        numbers = {"repeated": sum(one.rows for one in often) / self._examined, "stock": self._stock / self._examined}
        return replace(result, numbers=numbers)

    def _look(self, block: pa.Table) -> None:
        """Count one block, and remember of its texts those that may turn out to come too often.

        A text with more than ``max_share`` of all rows has more than that of the rows up to the end of some block, and
        of all later ends, and has more than that within this block. So it is enough to begin to remember what comes
        often within a block, and to go on with what comes often up to its end: never more than 1 / ``max_share``.
        Blocks are as long however rows come in batches.
        """
        said = cast(pa.StringArray, block.column("text").combine_chunks())
        every, of_row = different(plain(said))
        counts = np.bincount(of_row, minlength=len(every)).astype(np.int64)
        digests = digests_of([every])
        what = stock(every, self._phrases)
        self._examined += len(said)
        self._counts.add(digests, counts)
        self._stock += int(counts[[one is not None for one in what]].sum())
        self._exemplify(block, said, of_row, what)
        for text in np.flatnonzero(counts > max(1, self._share * len(said))).tolist():
            first = said[int(np.argmax(of_row == text))].as_py()
            self._often.setdefault(_key(digests, text), _Repeated(short(first), what[text] is not None))
        self._go_on(block, of_row, digests)

    def _exemplify(
        self, block: pa.Table, said: pa.StringArray, of_row: NDArray[np.int64], what: list[str | None]
    ) -> None:
        known = np.array([one is not None for one in what], dtype=np.bool_)
        for row in np.flatnonzero(known[of_row])[: self._spec.examples - len(self._examples)].tolist():
            sample = block.column("sample_id")[row].as_py().hex()
            reason = what[of_row[row]] or ""
            self._examples.append({"sample_id": sample, "value": short(said[row].as_py()), "reason": reason})

    def _go_on(self, block: pa.Table, of_row: NDArray[np.int64], digests: Digests) -> None:
        """Count up to here what is remembered, and forget what does not come often any more."""
        samples = block.column("sample_id")
        for key, one in list(self._often.items()):
            digest = np.frombuffer(key, np.uint64).reshape(2, 1)
            one.rows = int(self._counts.of(digest)[0])
            if one.rows <= max(1, self._share * self._examined):
                del self._often[key]
            elif len(one.samples) < self._spec.examples:
                here = np.flatnonzero((digests == digest).all(axis=0))
                rows = np.flatnonzero(np.isin(of_row, here))[: self._spec.examples - len(one.samples)]
                one.samples += [samples[row].as_py().hex() for row in rows.tolist()]

    def _shown(self, often: list[_Repeated]) -> list[Example]:
        """One sample of each text that comes too often, then those that patterns found, then more of the first."""
        firsts = (next(self._of(one)) for one in often if not one.stock)
        more = (example for one in often if not one.stock for example in list(self._of(one))[1:])
        return [
            example for example, _ in zip(chain(firsts, self._examples, more), range(self._spec.examples), strict=False)
        ]

    def _of(self, one: _Repeated) -> Iterator[Example]:
        percent = f"{100 * one.rows / self._examined:.3g}%"
        for sample in one.samples:
            yield {"sample_id": sample, "value": one.shown, "reason": f"{one.rows:,} rows say this ({percent})"}


def _key(digests: Digests, at: int) -> bytes:
    return digests[:, at].tobytes()
