"""The text of a predicate as a small tree. What is not named here cannot be said in a predicate.

sqlglot reads the text; its tree is then translated node by node, so that a statement, a subquery, a comment,
a cast or an unknown function ends in a `FilterError` rather than in front of a database.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError

from mmreg.errors import FilterError
from mmreg.schemas.suggest import did_you_mean

MAX_TEXT = 100_000
"""Characters."""
MAX_DEPTH = 20
"""Levels of one expression in another; chains of AND and OR are one. Lance's own parser gives up below 50."""

FUNCTIONS = (
    "abs", "array_has", "array_length", "btrim", "coalesce", "contains", "ends_with", "greatest", "isnan",
    "least", "length", "ln", "lower", "regexp_like", "round", "sqrt", "starts_with", "upper",
)  # fmt: skip


@dataclass(frozen=True)
class Literal:
    value: str | int | float | bool | bytes


@dataclass(frozen=True)
class Column:
    """``image.width`` is two steps."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Binary:
    """``operator`` is one of ``= <> < <= > >=``, ``+ - * / %``, ``LIKE`` and ``ILIKE``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logic:
    operator: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    part: Expression


@dataclass(frozen=True)
class Negative:
    part: Expression


@dataclass(frozen=True)
class Is:
    """``part IS NULL``, ``IS TRUE`` or ``IS FALSE``."""

    part: Expression
    value: bool | None


@dataclass(frozen=True)
class In:
    part: Expression
    values: tuple[Expression, ...]


@dataclass(frozen=True)
class Between:
    part: Expression
    low: Expression
    high: Expression


Expression = Literal | Column | Call | Binary | Logic | Not | Negative | Is | In | Between

_BINARY: dict[Any, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.Add: "+",
    exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.Like: "LIKE", exp.ILike: "ILIKE",
}  # fmt: skip
_PARTS: dict[Any, set[str]] = {
    exp.Like: {"this", "expression", "negate"},
    exp.ILike: {"this", "expression", "negate"},
    exp.Div: {"this", "expression", "typed", "safe"},
    exp.Literal: {"this", "is_string"},
    exp.In: {"this", "expressions"},
    exp.Anonymous: {"this", "expressions"},
    exp.Between: {"this", "low", "high"},
    exp.Column: {"this", "table", "db", "catalog"},
}
"""What a node may say if not just ``this`` and ``expression``: sqlglot has flags that change a meaning."""


def parse(text: str) -> Expression:
    """The one expression in ``text``. Raises `FilterError`."""
    tree = _read(text)
    try:
        return _translate(tree, text, 0)
    except RecursionError:
        raise _refused(text, "it is nested too deeply") from None


def columns(expression: Expression) -> Iterator[Column]:
    """Every mention of a column, from left to right."""
    match expression:
        case Column():
            yield expression
        case Literal():
            return
        case _:
            for value in vars(expression).values():
                for part in value if isinstance(value, tuple) else (value,):
                    if isinstance(part, Expression):
                        yield from columns(part)


def _read(text: str) -> Any:
    if len(text) > MAX_TEXT:
        raise FilterError(f"a predicate has at most {MAX_TEXT} characters, this one has {len(text)}")
    dialect = _Dialect()
    try:
        found = dialect.tokenize(text)
        _refuse_tokens(text, found)
        trees = dialect.parser().parse(found, text)
    except ParseError as error:
        first = error.errors[0]
        at = f" near column {first['col']}" if first.get("line") == 1 else ""
        raise _refused(text, f"it is no expression{at}") from None
    except (SqlglotError, RecursionError):
        raise _refused(text, "it is no expression") from None
    if len(trees) != 1 or trees[0] is None:
        raise _refused(text, "it is not exactly one expression")
    return trees[0]


def _refuse_tokens(text: str, found: list[Any]) -> None:
    depth = 0
    for token in found:
        if token.comments:
            raise _refused(text, "comments are not allowed")
        if token.token_type.name == "SEMICOLON":
            raise _refused(text, "';' is not allowed")
        depth += {"L_PAREN": 1, "R_PAREN": -1}.get(token.token_type.name, 0)
        if depth > MAX_DEPTH:
            raise _refused(text, "it is nested too deeply")


def _translate(node: Any, text: str, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise _refused(text, "it is nested too deeply")
    said = {key for key, value in node.args.items() if value not in (None, False, [])}
    if not said <= _PARTS.get(type(node), {"this", "expression"}) and not isinstance(node, exp.Cast):
        raise _refused(text, f"{node.sql()!r} is not allowed")

    def down(part: Any) -> Expression:
        return _translate(part, text, depth + 1)

    match node:
        case exp.Paren():
            return _translate(node.this, text, depth)
        case exp.And() | exp.Or():
            parts = tuple(down(part) for part in node.flatten())
            return Logic("AND" if isinstance(node, exp.And) else "OR", parts)
        case exp.Not():
            return Not(down(node.this))
        case exp.Neg():
            match part := down(node.this):
                case Literal(value=int() | float() as number):
                    return Literal(-number)
            return Negative(part)
        case exp.Is(expression=exp.Null()):
            return Is(down(node.this), None)
        case exp.Is(expression=exp.Boolean()):
            return Is(down(node.this), bool(node.expression.this))
        case exp.In() if node.expressions:
            return In(down(node.this), tuple(down(part) for part in node.expressions))
        case exp.Between():
            return Between(down(node.this), down(node.args["low"]), down(node.args["high"]))
        case exp.Null():
            raise _refused(text, "nothing compares with NULL; say IS NULL")
        case exp.Anonymous():
            return _call(node, text, [down(part) for part in node.expressions])
        case exp.Column() | exp.Dot():
            return Column(_path(node, text))
        case exp.Boolean() | exp.Literal() | exp.HexString():
            return _literal(node, text)
        case exp.Cast(this=exp.Literal(is_string=True)) if node.to.this.name in (
            "TIMESTAMP",
            "TIMESTAMPTZ",
            "DATE",
        ):
            return Literal(str(node.this.this))
    if type(node) in _BINARY:
        binary = Binary(_BINARY[type(node)], down(node.this), down(node.expression))
        return Not(binary) if node.args.get("negate") else binary
    raise _refused(text, f"{node.sql()!r} is not allowed")


def _call(node: Any, text: str, arguments: list[Expression]) -> Call:
    name = str(node.this).lower()
    if name not in FUNCTIONS:
        raise _refused(text, f"there is no function {name!r}{did_you_mean(name, FUNCTIONS)}")
    return Call(name, tuple(arguments))


def _path(node: Any, text: str) -> tuple[str, ...]:
    match node:
        case exp.Dot():
            return (*_path(node.this, text), *_path(node.expression, text))
        case exp.Identifier():
            return (str(node.this),)
        case exp.Column() if not isinstance(node.this, exp.Star):
            return tuple(str(part.this) for part in node.parts)
    raise _refused(text, f"{node.sql()!r} is not allowed")


def _literal(node: Any, text: str) -> Literal:
    match node:
        case exp.Boolean():
            return Literal(bool(node.this))
        case exp.HexString():
            if not re.fullmatch(r"([0-9a-fA-F]{2})*", str(node.this)):
                raise _refused(text, "bytes are written as x'00ff'")
            return Literal(bytes.fromhex(str(node.this)))
    if node.is_string:
        return Literal(str(node.this))
    if re.fullmatch(r"[0-9]{1,30}", node.this):
        return Literal(int(node.this))
    if re.fullmatch(r"[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?", node.this) and math.isfinite(float(node.this)):
        return Literal(float(node.this))
    raise _refused(text, f"the number {node.this} is not allowed")


def _refused(text: str, reason: str) -> FilterError:
    shown = text if len(text) <= 200 else f"{text[:197]}..."
    return FilterError(f"the predicate {shown!r} is refused: {reason}")


class _Dialect(Dialect):
    """Plain SQL in which names may stand in double quotes or backticks and every function is just a name."""

    class Tokenizer(tokens.Tokenizer):
        IDENTIFIERS = ['"', "`"]  # noqa: RUF012
        HEX_STRINGS = [("x'", "'"), ("X'", "'")]  # noqa: RUF012

    class Parser(parser.Parser):
        FUNCTIONS = {}  # noqa: RUF012
        FUNCTION_PARSERS = {}  # noqa: RUF012
        NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {}  # noqa: RUF012
