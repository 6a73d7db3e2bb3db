"""One check on its way through the pieces of a version: it looks at some, and takes over what was seen of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from mmreg.registry.validation.declared import Declared
from mmreg.registry.validation.pieces import Piece
from mmreg.registry.validation.seen import State
from mmreg.schemas.check import CheckResult
from mmreg.validators.protocol import Check, Mergeable
from mmreg.validators.table import Table


@dataclass
class Look:
    """A check of ``table``. ``check`` gives the answer in the end; ``halvings`` say which sample it sees.

    ``digest`` is that of a check with states, and ``known`` are those kept of pieces, by their keys; ``unchanged`` are
    the keys of pieces that are left out.
    """

    declared: Declared
    table: Table
    check: Check
    halvings: int = 0
    digest: str | None = None
    known: dict[str, State] = field(default_factory=dict)
    unchanged: frozenset[str] | None = None
    states: dict[str, State] = field(default_factory=dict)
    """Of the pieces of this version, by their keys: those taken over and those new."""
    rows: int = 0
    """That the answer is about."""
    reused: int = 0
    """Of those, the ones that were not looked at again."""
    shown: dict[str, Piece] = field(default_factory=dict)
    """The failing samples that states tell of, each with the piece in which it lies."""
    said: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """What was said of the first of them that were looked at."""
    _piece: Check | None = None

    def wants(self, key: str) -> bool:
        """Whether it has to look at the piece with this key."""
        return key not in self.known and (self.unchanged is None or key not in self.unchanged)

    def begin(self) -> None:
        """What comes next is another piece."""
        self._piece = self.declared.load(self.table) if self.digest is not None else self.check

    def update(self, batch: pa.RecordBatch) -> None:
        assert self._piece is not None
        with self.declared.blamed():
            self._piece.update(batch)

    def end(self, piece: Piece, key: str, *, keep: bool) -> None:
        """The piece is through; ``keep``: what was seen of it will be true of it at any time."""
        self.rows += piece.rows
        if isinstance(self._piece, Mergeable) and self.digest is not None:
            with self.declared.blamed():
                state: State = json.loads(json.dumps(self._piece.state()))  # as it comes back from the lake
            if keep:
                self.states[key] = state
            self._merge(piece, state)
            if state.get("examples") and len(self.said) < self.declared.spec.examples:
                with self.declared.blamed():
                    self.said |= {one["sample_id"]: one for one in self._piece.result().examples}

    def pass_over(self, piece: Piece, key: str) -> None:
        """Take over what is known of a piece that it does not want."""
        if (state := self.known.get(key)) is not None:
            self.states[key] = state
        if self.unchanged is not None and key in self.unchanged:
            return
        assert state is not None
        self.rows += piece.rows
        self.reused += piece.rows
        self._merge(piece, state)

    def result(self) -> CheckResult:
        with self.declared.blamed():
            said = self.check.result()
        return replace(said, key=self.declared.key, declared_at=self.declared.place, reused=self.reused)

    def _merge(self, piece: Piece, state: State) -> None:
        assert isinstance(self.check, Mergeable)
        with self.declared.blamed():
            self.check.merge(state)
            for one in state.get("examples", ()):
                self.shown.setdefault(one["sample_id"], piece)
