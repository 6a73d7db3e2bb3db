"""An expression as a person would write it: what messages quote when one part of a predicate decided."""

from __future__ import annotations

import re
from functools import cache

from mmreg.errors import FilterError
from mmreg.schemas.expression import (
    Between,
    Binary,
    Call,
    Column,
    Expression,
    In,
    Is,
    Literal,
    Logic,
    Negative,
    Not,
    parse,
)
from mmreg.schemas.literal import quote

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unparse(expression: Expression) -> str:
    """The text of ``expression``, which `mmreg.schemas.expression.parse` reads as the same one."""
    match expression:
        case Literal(value):
            return quote(value)
        case Column(path):
            return ".".join(map(_name, path))
        case Call(function, arguments):
            return f"{function}({', '.join(map(unparse, arguments))})"
        case Binary(operator, left, right):
            return f"{_inner(left)} {operator} {_inner(right)}"
        case Logic(operator, parts):
            return f" {operator} ".join(f"({unparse(p)})" if isinstance(p, Logic) else unparse(p) for p in parts)
        case Not(Is() | In() | Between() as part):
            return _tested(part, "NOT ")
        case Not(part):
            return f"NOT {_inner(part)}"
        case Negative(part):
            return f"-({unparse(part)})"
        case Is() | In() | Between():
            return _tested(expression, "")


def _tested(expression: Is | In | Between, negated: str) -> str:
    match expression:
        case Is(part, value):
            return f"{_inner(part)} IS {negated}{'NULL' if value is None else str(value).upper()}"
        case In(part, values):
            return f"{_inner(part)} {negated}IN ({', '.join(map(unparse, values))})"
        case Between(part, low, high):
            return f"{_inner(part)} {negated}BETWEEN {_inner(low)} AND {_inner(high)}"


def _inner(expression: Expression) -> str:
    text = unparse(expression)
    negative = isinstance(expression, Literal) and text.startswith("-")
    simple = isinstance(expression, Literal | Column | Call) and not negative
    return text if simple else f"({text})"


def _name(name: str) -> str:
    return name if _is_plain(name) else '"' + name.replace('"', '""') + '"'


@cache
def _is_plain(name: str) -> bool:
    """Whether it means itself without quotes: no keyword does."""
    try:
        return _PLAIN.fullmatch(name) is not None and parse(name) == Column((name,))
    except FilterError:
        return False
