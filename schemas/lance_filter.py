"""A predicate in the words of Lance's filter, checked against the columns that there are.

Tried on Lance 14, whose ways shape this file: it orders NaN above every number, so ``score > 0.3`` keeps it;
it refuses an integer column beside a literal which that column's type cannot hold; it divides integers as
integers and fails on a zero; and it takes names in backticks, a nested one step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

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
)
from mmreg.schemas.literal import quote
from mmreg.schemas.suggest import did_you_mean

# What each function takes and gives; "number" is int or float, and as a result whichever it was given.
_FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "abs": (("number",), "number"),
    "array_has": (("list", "any"), "bool"),
    "array_length": (("list",), "int"),
    "btrim": (("text",), "text"),
    "contains": (("text", "text"), "bool"),
    "ends_with": (("text", "text"), "bool"),
    "isnan": (("number",), "bool"),
    "length": (("text",), "int"),
    "ln": (("number",), "float"),
    "lower": (("text",), "text"),
    "regexp_like": (("text", "text"), "bool"),
    "round": (("number",), "float"),
    "sqrt": (("number",), "float"),
    "starts_with": (("text", "text"), "bool"),
    "upper": (("text",), "text"),
}
_KINDS = {
    "int": "a whole number", "float": "a number", "text": "a text", "bool": "true or false", "time": "a time",
    "binary": "bytes", "list": "a list", "struct": "a struct", "condition": "a condition", "number": "a number",
    "other": "of a type that predicates cannot use",
}  # fmt: skip
_NUMBERS = ("int", "float")
_WIDER = {"number": _NUMBERS, "condition": ("bool", "condition"), "any": tuple(_KINDS)}
_OPPOSITES = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True)
class _Term:
    """A written part and its kind; a column also has its type, a literal its value."""

    sql: str
    kind: str
    column: pa.DataType | None = None
    literal: str | int | float | bool | bytes | None = None

    @property
    def told(self) -> str:
        return f"{self.sql} is {_KINDS[self.kind]}"


def write(expression: Expression, schema: pa.Schema) -> str:
    """The filter that Lance takes for ``expression``, with NaN kept out of whatever it uses."""
    writer = _Writer(schema)
    condition = writer.condition(expression)
    return " AND ".join([condition, *writer.guards])


class _Writer:
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self.guards: dict[str, None] = {}

    def condition(self, expression: Expression, *, negated: bool = False) -> str:
        """A condition or its opposite. NOT is carried inwards, since below one Lance may take unknown for false."""
        word = "NOT " if negated else ""
        match expression:
            case Not(part):
                return self.condition(part, negated=not negated)
            case Logic(operator, parts):
                word = {"AND": "OR", "OR": "AND"}[operator] if negated else operator
                return f"({f' {word} '.join(self.condition(part, negated=negated) for part in parts)})"
            case Is(part, None):
                return f"({self._term(part).sql} IS {word}NULL)"
            case Is(part, value):
                return f"({self.condition(part, negated=not value)} IS {word}TRUE)"
            case In(part, values):
                first, *others = self._comparable(part, *values)
                among = f"{first} {word}IN ({', '.join(others)})"
                # Lance makes `x NOT IN (1) OR x NOT IN (2)` true, also where x is null.
                known = [f"{self._term(e).sql} IS NOT NULL" for e in (part, *values) if not isinstance(e, Literal)]
                return f"({' AND '.join([among, *(known if negated else ())])})"
            case Between(part, low, high):
                middle, least, most = self._comparable(part, low, high)
                return f"({middle} {word}BETWEEN {least} AND {most})"
            case Binary("LIKE" | "ILIKE" as operator, left, right):
                return f"({self._of('text', left).sql} {word}{operator} {self._of('text', right).sql})"
            case Binary(operator, left, right) if operator in _OPPOSITES:
                one, other = self._comparable(left, right)
                return f"({one} {_OPPOSITES[operator] if negated else operator} {other})"
        sql = self._of("condition", expression).sql
        return f"(NOT {sql})" if negated else sql

    def _of(self, kind: str, expression: Expression) -> _Term:
        term = self._term(expression)
        if term.kind not in _WIDER.get(kind, (kind,)):
            raise FilterError(f"{term.told}, not {_KINDS[kind]}")
        return term

    def _term(self, expression: Expression) -> _Term:
        match expression:
            case Literal():
                return _literal(expression.value)
            case Column():
                return self._guarded(self._column(expression))
            case Negative(part):
                number = self._of("number", part)
                return _Term(f"({'0 - ' if number.kind == 'int' else '- '}{_wide(number)})", number.kind)
            case Binary("+" | "-" | "*" | "/" | "%" as operator, left, right):
                return _arithmetic(operator, self._of("number", left), self._of("number", right))
            case Call(function, arguments):
                return self._call(function, arguments)
        return _Term(self.condition(expression), "condition")

    def _column(self, column: Column) -> _Term:
        fields = list(self._schema)
        for step in column.path:
            found = next((field for field in fields if field.name == step), None)
            if found is None:
                raise FilterError(
                    f"there is no column {str(column)!r}{did_you_mean(str(column), _names(self._schema))}"
                )
            fields = _fields(found.type)
        if any("`" in step for step in column.path):
            raise FilterError(f"the column {str(column)!r} has a backtick in its name and cannot be filtered by")
        assert found is not None
        return _Term(".".join(f"`{step}`" for step in column.path), _kind(found.type), column=found.type)

    def _guarded(self, term: _Term) -> _Term:
        if term.column is None or pa.types.is_floating(term.column):
            self.guards[f"({term.sql} IS NULL OR NOT isnan({term.sql}))"] = None
        return term

    def _comparable(self, *expressions: Expression) -> list[str]:
        """The parts of one comparison, brought to types that Lance compares."""
        terms = [self._term(expression) for expression in expressions]
        kinds = {term.kind for term in terms}
        if kinds <= {"int", "float"}:
            for term in terms:
                if term.kind == "float" and term.column is None and term.literal is None:
                    self._guarded(term)
            return _numbers(terms)
        if kinds == {"time", "text"}:
            return [_moment(term) for term in terms]
        if len(kinds) > 1 or kinds & {"list", "struct", "other", "condition"}:
            raise FilterError(f"{' and '.join(dict.fromkeys(term.told for term in terms))}: they do not compare")
        return [term.sql for term in terms]

    def _call(self, function: str, arguments: tuple[Expression, ...]) -> _Term:
        if function in ("coalesce", "greatest", "least"):
            return self._choice(function, arguments)
        takes, gives = _FUNCTIONS[function]
        if len(takes) != len(arguments):
            raise FilterError(f"{function} takes {len(takes)} arguments, not {len(arguments)}")
        if function == "isnan" and isinstance(arguments[0], Column):
            # Whoever asks for NaN by name shall find it: here alone a column is used without its guard.
            column = self._column(arguments[0])
            if column.kind in _NUMBERS:
                return _Term(f"isnan({column.sql})", gives)
        terms = [self._of(kind, argument) for kind, argument in zip(takes, arguments, strict=True)]
        kind = terms[0].kind if gives == "number" else gives
        return _Term(f"{function}({', '.join(term.sql for term in terms)})", kind)

    def _choice(self, function: str, arguments: tuple[Expression, ...]) -> _Term:
        terms = [self._term(argument) for argument in arguments]
        kinds = {term.kind for term in terms}
        if kinds <= set(_NUMBERS) and terms:
            kind = "float" if "float" in kinds else "int"
            return _Term(f"{function}({', '.join(_numbers(terms))})", kind)
        if function == "coalesce" and kinds in ({"text"}, {"bool"}):
            return _Term(f"{function}({', '.join(term.sql for term in terms)})", kinds.pop())
        raise FilterError(f"{function} takes numbers; {' and '.join(term.told for term in terms) or 'here are none'}")


def _arithmetic(operator: str, left: _Term, right: _Term) -> _Term:
    """In 64 bits; a division is a true one, and by zero it gives null, as a remainder does."""
    if operator == "/":
        return _Term(f"({_double(left)} / nullif({_double(right)} + 0.0, 0))", "float")
    kind = "float" if "float" in (left.kind, right.kind) else "int"
    if operator == "%":
        return _Term(f"({_wide(left)} % nullif({_wide(right)} + {'0' if kind == 'int' else '0.0'}, 0))", kind)
    return _Term(f"({_wide(left)} {operator} {_wide(right)})", kind)


def _numbers(terms: list[_Term]) -> list[str]:
    """Numbers side by side: as doubles where one has a fraction or is past what a column's type holds."""
    columns = [term.column for term in terms if term.kind == "int" and term.column is not None]
    literals = [term.literal for term in terms if isinstance(term.literal, int)]
    for literal in literals:
        if any(type_.bit_width == 64 and not _fits(literal, type_) and literal > 0 for type_ in columns):
            raise FilterError(f"{literal} does not fit into 64 bits")
    if all(term.kind == "int" for term in terms) and all(_fits(n, type_) for n in literals for type_ in columns):
        return [term.sql for term in terms]
    # Beside anything but a literal Lance holds -0.0 to be less than 0.0; adding 0.0 makes them one.
    zero = " + 0.0" if sum(term.literal is None for term in terms) > 1 else ""
    return [term.sql if term.literal is not None else _double(term) + zero for term in terms]


def _fits(number: int, type_: pa.DataType) -> bool:
    if pa.types.is_unsigned_integer(type_):
        return 0 <= number < 1 << type_.bit_width
    half = 1 << (type_.bit_width - 1)
    return -half <= number < half


def _double(term: _Term) -> str:
    return term.sql if term.kind == "float" else f"CAST({term.sql} AS DOUBLE)"


def _wide(term: _Term) -> str:
    """A number in 64 bits; a whole one without a sign is widened by Lance itself where need be."""
    if term.column is None or term.column.bit_width == 64:
        return term.sql
    return f"CAST({term.sql} AS {'BIGINT' if term.kind == 'int' else 'DOUBLE'})"


def _moment(term: _Term) -> str:
    """A time, also where it was written as a text; without a zone it is UTC."""
    if term.kind == "time":
        return term.sql
    try:
        at = datetime.fromisoformat(str(term.literal))
    except ValueError:
        raise FilterError(f"{term.sql} is no time; write '2026-01-31' or '2026-01-31T12:00:00Z'") from None
    at = at.astimezone(UTC) if at.tzinfo else at
    return f"TIMESTAMP '{at.replace(tzinfo=None).isoformat(sep=' ')}'"


def _literal(value: str | int | float | bool | bytes) -> _Term:
    kinds = {bool: "bool", int: "int", float: "float", str: "text", bytes: "binary"}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise FilterError(f"{value} does not fit into 64 bits")
    # Lance reads a minus as an operator, and what it then stands before must fit by itself.
    sql = f"({value + 1} - 1)" if value == -(2**63) else quote(value)
    return _Term(sql, kinds[type(value)], literal=value)


def _kind(type_: pa.DataType) -> str:
    types = pa.types
    if types.is_dictionary(type_):
        return _kind(type_.value_type)
    if types.is_integer(type_):
        return "int"
    if types.is_floating(type_):
        return "float"
    if types.is_boolean(type_):
        return "bool"
    if types.is_timestamp(type_):
        return "time"
    if types.is_string(type_) or types.is_large_string(type_):
        return "text"
    if types.is_binary(type_) or types.is_large_binary(type_) or types.is_fixed_size_binary(type_):
        return "binary"
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return "list"
    return "struct" if types.is_struct(type_) else "other"


def _fields(type_: pa.DataType) -> list[pa.Field[pa.DataType]]:
    return [type_.field(at) for at in range(type_.num_fields)] if isinstance(type_, pa.StructType) else []


def _names(schema: pa.Schema) -> list[str]:
    nested = [f"{field.name}.{inner.name}" for field in schema for inner in _fields(field.type)]
    return [*schema.names, *nested]
