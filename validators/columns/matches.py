"""matches: texts look like a pattern."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import demand, is_text, texts
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table
from mmreg.validators.tally import Tally, short


class Arguments(Declared):
    column: str
    pattern: str = Field(min_length=1)
    full_match: bool = False


class Matches(RowCheck):
    """The pattern is found in every text, or with full_match is all of it; null is not examined.

    Patterns are RE2's, which takes a time linear in the text whatever the pattern; it has no look-around and no
    back-references.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._column = arguments.column
        demand("matches", table, self._column, is_text, "a column of texts")
        self._pattern = _checked(arguments.pattern)
        if arguments.full_match:
            self._pattern = rf"\A(?:{self._pattern})\z"
        self._told = f"texts do not {'match' if arguments.full_match else 'contain'} {short(arguments.pattern)}"
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        found = texts(batch, self._column)
        self._tally.add(
            batch,
            examined=len(found) - found.null_count,
            failed=pc.invert(pc.match_substring_regex(found, pattern=self._pattern)),
            describe=lambda row: (short(found[row].as_py()), "does not match"),
        )

    def result(self) -> CheckResult:
        return self._tally.result(self._told)


def _checked(pattern: str) -> str:
    """``pattern``, or `UsageError` that says where RE2 stumbles."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)
    except pa.ArrowInvalid as error:
        told = str(error).removeprefix("Invalid regular expression: ")
        raise UsageError(
            f"matches: pattern: {told}", hint="a pattern in RE2's syntax: no look-around, no back-references"
        ) from None
    return pattern
