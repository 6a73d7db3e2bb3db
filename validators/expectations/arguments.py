"""The arguments of one declared expectation, as far as mmreg answers it; whatever else they are is for GX to judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.table import Table


class ForGreatExpectations(Exception):
    """The expectation can be met here in general, but not with such an argument or column."""


@dataclass(frozen=True)
class Asked:
    """``spec`` about ``table``. Getters return what mmreg can use, or raise `ForGreatExpectations`."""

    spec: CheckSpec
    table: Table

    def get(self, name: str, default: Any = None) -> Any:
        """The argument; a null in YAML is an argument that is not there."""
        found = self.spec.arguments.get(name)
        return default if found is None else found

    def path(self, name: str = "column") -> str:
        """What to read for the column that an argument names, or `UsageError` where there is none."""
        named = self.get(name)
        if not isinstance(named, str):
            raise self.wrong(name, "needs the name of a column")
        return self.table.key(named)

    def paths(self) -> tuple[str, ...]:
        """What to read for ``column_list``."""
        named = self.get("column_list")
        if not isinstance(named, Sequence) or isinstance(named, str) or len(named) < 2:
            raise self.wrong("column_list", "needs at least two columns")
        if not all(isinstance(one, str) for one in named):
            raise self.wrong("column_list", "needs names of columns")
        if len(set(named)) < len(named):
            raise ForGreatExpectations
        return tuple(map(self.table.key, named))

    def number(self, name: str) -> float | None:
        """A number as GX takes it: a float, whatever it was."""
        found = self.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise ForGreatExpectations
        try:
            rounded = float(found)
        except OverflowError:
            raise ForGreatExpectations from None
        if math.isnan(rounded):
            raise self.wrong(name, "must be a number")
        return rounded

    def whole(self, name: str) -> int | None:
        """A whole number."""
        found = self.get(name)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            raise ForGreatExpectations
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        found = self.get(name, default)
        if not isinstance(found, bool):
            raise ForGreatExpectations
        return found

    def text(self, name: str, default: str | None = None) -> str:
        found = self.get(name, default)
        if not isinstance(found, str):
            raise ForGreatExpectations
        return found

    def texts(self, name: str) -> list[str]:
        """One text or more."""
        found = self.items(name)
        if not found:
            raise self.wrong(name, "must not be empty")
        if not all(isinstance(one, str) for one in found):
            raise ForGreatExpectations
        return found

    def items(self, name: str) -> list[Any]:
        found = self.get(name)
        if not isinstance(found, list | tuple):
            raise ForGreatExpectations
        return list(found)

    def choice(self, name: str, default: str, *options: str) -> str:
        """One of ``default`` and ``options``."""
        found = self.get(name, default)
        if found not in (default, *options):
            raise self.wrong(name, f"must be one of {', '.join((default, *options))}")
        return str(found)

    def mostly(self) -> float:
        """The least share of the rows that must be as expected."""
        if self.get("mostly") is not None and self.spec.max_failure_rate:
            raise UsageError(
                f"{self.spec.check}: mostly and max_failure_rate say the same, and both are given",
                hint=f"max_failure_rate: {self.spec.max_failure_rate}, without mostly",
            )
        found = self.number("mostly")
        if found is None:
            return 1.0
        if not 0 <= found <= 1:
            raise self.wrong("mostly", "must lie between 0 and 1")
        return found

    def wrong(self, argument: str, why: str) -> UsageError:
        return UsageError(f"{self.spec.check}: {argument}: {why}")
