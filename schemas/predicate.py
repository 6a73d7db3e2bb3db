"""Predicates: the one expression that ``where:``, ``rows:`` and ``--where`` accept, and literals for it.

    Predicate.parse("clip_score >= 0.28 AND image.width > 64").to_lance(schema)

What Lance gets is written anew from the parsed tree and never passed through, since Lance ignores whatever
follows a semicolon or a comment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmreg.schemas.expression import Expression, Logic, columns, parse
from mmreg.schemas.unparse import unparse

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Predicate:
    """One boolean expression, checked. ``columns`` are the names in it, nested ones dotted, each once."""

    text: str
    columns: tuple[str, ...]
    expression: Expression = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Predicate:
        """Check ``text``; `FilterError` where it is not exactly one expression of what is allowed."""
        return _of(parse(text), text)

    def conjuncts(self) -> tuple[Predicate, ...]:
        """The conditions that must all be true: its parts, where it is a chain of AND, else itself."""
        match self.expression:
            case Logic("AND", parts):
                return tuple(_of(part) for part in parts)
        return (self,)

    def to_lance(self, schema: pa.Schema) -> str:
        """The filter for a Lance table with ``schema``; `FilterError` for unknown columns and wrong types.

        No row passes of which a float column that is used is NaN. Only ``isnan(column)`` looks at NaN itself.
        """
        from mmreg.schemas.lance_filter import write

        return write(self.expression, schema)

    def __str__(self) -> str:
        return self.text


def _of(expression: Expression, text: str | None = None) -> Predicate:
    names = tuple(dict.fromkeys(str(column) for column in columns(expression)))
    return Predicate(text if text is not None else unparse(expression), names, expression)
