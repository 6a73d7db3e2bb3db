"""What a predicate becomes for Lance keeps, on real tables, exactly the rows that it means."""

from __future__ import annotations

import datetime as dt
import math

import lance
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import FilterError
from mmreg.schemas.expression import FUNCTIONS, MAX_DEPTH
from mmreg.schemas.literal import quote
from mmreg.schemas.predicate import Predicate

NAN = math.nan
UTC = dt.UTC

ROWS = pa.table(
    {
        "i": pa.array([1, 2, None, 4], pa.int64()),
        "small": pa.array([1, -2, None, 127], pa.int8()),
        "u": pa.array([1, 2**64 - 1, None, 4], pa.uint64()),
        "f": pa.array([1.5, NAN, None, -0.5], pa.float64()),
        "h": pa.array([1.5, NAN, None, -0.5], pa.float16()),
        "s": pa.array(["Ab", "x' OR 1=1 --", None, ""], pa.string()),
        "b": pa.array([True, False, None, True]),
        "bin": pa.array([b"\x00\xff", b"'", None, b""], pa.binary()),
        "id": pa.array([bytes([n]) * 16 for n in range(4)], pa.binary(16)),
        "at": pa.array(
            [dt.datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)] + [None] * 2, pa.timestamp("us", "UTC")
        ),
        "image": pa.array(
            [{"width": 64, "fps": 1.0}, {"width": 3, "fps": NAN}, None, {"width": None, "fps": None}],
            pa.struct([("width", pa.int32()), ("fps", pa.float32())]),
        ),
        "tags": pa.array([["a", "b"], [], None, ["c"]], pa.list_(pa.string())),
        "vector": pa.array([[1.0, 2.0], [NAN, 1.0], None, [0.0, 0.0]], pa.list_(pa.float32(), 2)),
        "select": pa.array([0, 1, 2, 3]),
        "a-b": pa.array([0, 1, 2, 3]),
        "zero": pa.array([0.0, -0.0, None, 0.0]),
        "nought": pa.array([-0.0, 0.0, None, 0.0], pa.float32()),
        "Case": pa.array([0, 1, 2, 3]),
    }
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    return lance.write_dataset(ROWS, tmp_path_factory.mktemp("lake") / "t.lance", enable_stable_row_ids=True)


def kept(table: lance.LanceDataset, text: str) -> list[int]:
    condition = Predicate.parse(text).to_lance(table.schema)
    return list(table.to_table(columns=["select"], filter=condition)["select"].to_pylist())


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # comparisons
        ("i = 1", [0]),
        ("i <> 1", [1, 3]),
        ("i != 1", [1, 3]),
        ("1 < i", [1, 3]),
        ("i >= 2 AND i <= 2", [1]),
        ("s < 'B'", [0, 3]),
        ("b", [0, 3]),
        ("b = FALSE", [1]),
        ("bin = x'00ff'", [0]),
        ("id IN (x'00000000000000000000000000000000', x'03030303030303030303030303030303')", [0, 3]),
        ("TRUE", [0, 1, 2, 3]),
        # null is neither true nor false
        ("i IS NULL", [2]),
        ("i IS NOT NULL", [0, 1, 3]),
        ("NOT i = 1", [1, 3]),
        ("NOT b", [1]),
        ("b IS TRUE", [0, 3]),
        ("b IS NOT TRUE", [1, 2]),
        ("b IS FALSE", [1]),
        ("(i = 1) IS NOT TRUE", [1, 2, 3]),
        ("(i = 1) IS NOT FALSE", [0, 2]),
        ("NOT (i = 1 AND s = 'Ab')", [1, 3]),
        ("NOT (i <> 4 AND i IN (4))", [0, 1, 3]),
        ("NOT (i = 1 OR s LIKE 'x%' OR b IS NULL)", [3]),
        ("NOT (NOT i BETWEEN 1 AND 2)", [0, 1]),
        ("i = 1 OR s IS NULL", [0, 2]),
        # sets, ranges, patterns
        ("i IN (1, 4)", [0, 3]),
        ("i NOT IN (1)", [1, 3]),
        ("i BETWEEN 2 AND 4", [1, 3]),
        ("i NOT BETWEEN 2 AND 4", [0]),
        ("s LIKE 'A%'", [0]),
        ("s NOT LIKE 'A%'", [1, 3]),
        ("s ILIKE 'ab'", [0]),
        # whole numbers beside fractions, and past their type
        ("i > 1.5", [1, 3]),
        ("i IN (1.0, 2.5)", [0]),
        ("i BETWEEN 1.5 AND 2.5", [1]),
        ("i = 1e0", [0]),
        ("small < 1000", [0, 1, 3]),
        ("small > -1000", [0, 1, 3]),
        ("small IN (1000, 127)", [3]),
        ("u = 18446744073709551615", [1]),
        ("u > -1", [0, 1, 3]),
        ("i > -9223372036854775808", [0, 1, 3]),
        ("image.width < 3000000000", [0, 1]),
        # arithmetic: wide, true division, null for a division by zero
        ("small * small > 127", [3]),
        ("small + 1 = 128", [3]),
        ("-small = 2", [1]),
        ("i / 2 = 0.5", [0]),
        ("i / 0 IS NULL", [0, 1, 2, 3]),
        ("i / 0 > 1", []),
        ("i % 2 = 0", [1, 3]),
        ("i % 0 IS NULL", [0, 1, 2, 3]),
        ("i + 1 * 2 - 1 = 2", [0]),
        ("(i + 1) * 2 = 4", [0]),
        ("u + 1 > 5", [1]),
        ("u - 5 < 0", [0, 3]),
        ("-u < -4", [1]),
        ("u % 2 = 1", [0, 1]),
        ("u = i", [0, 3]),
        ("u > small", [1]),
        ("u / 2 > 100", [1]),
        ("1 / zero IS NULL", [0, 1, 2, 3]),
        ("i % zero IS NULL", [0, 1, 2, 3]),
        ("image.width * 100000000 > 4000000000", [0]),
        # NaN
        ("f > 1", [0]),
        ("f < 1", [3]),
        ("f <> 7", [0, 3]),
        ("NOT f > 1", [3]),
        ("f > 1 OR i > 0", [0, 3]),
        ("f IS NOT NULL", [0, 3]),
        ("f IS NULL", [2]),
        ("zero = nought", [0, 1, 3]),
        ("zero < nought OR zero > nought", []),
        ("zero IN (nought, 7)", [0, 1, 3]),
        ("zero BETWEEN nought AND nought", [0, 1, 3]),
        ("zero >= 0 AND zero <= 0 AND -zero = zero", [0, 1, 3]),
        ("h > 1", [0]),
        ("f + 1 > 0", [0, 3]),
        ("h * 100000 > 100000", [0]),
        ("image.fps > 0", [0]),
        ("image.fps IS NULL", [2, 3]),
        ("coalesce(f, 9) > 1", [0, 2]),
        ("sqrt(f) > 0", [0]),
        ("ln(i - 4) > 0 OR i > 0", [3]),
        ("isnan(f)", [1]),
        ("NOT isnan(f)", [0, 3]),
        ("isnan(f) OR f > 1", [0]),
        ("isnan(image.fps)", [1]),
        # functions
        ("length(s) = 2", [0]),
        ("lower(s) = 'ab'", [0]),
        ("upper(s) = 'AB'", [0]),
        ("btrim(s) = 'Ab'", [0]),
        ("abs(small) = 2", [1]),
        ("round(f) = 2", [0]),
        ("greatest(i, 2) = 2", [0, 1, 2]),
        ("least(i, 1.5) = 1.5", [1, 2, 3]),
        ("coalesce(s, 'none') = 'none'", [2]),
        ("coalesce(b, TRUE)", [0, 2, 3]),
        ("starts_with(s, 'A')", [0]),
        ("ends_with(s, '--')", [1]),
        ("contains(s, 'OR')", [1]),
        ("regexp_like(s, '^[A-Z]')", [0]),
        ("array_length(tags) = 2", [0]),
        ("array_length(vector) = 2", [0, 1, 3]),
        ("array_has(tags, 'c')", [3]),
        ("isnan(i)", []),
        # times
        ("at >= '2026-01-02'", [1]),
        ("at < '2026-01-01T01:00:00+01:00'", []),
        ("at <= '2026-01-01T01:00:00+01:00'", [0]),
        ("at BETWEEN TIMESTAMP '2026-01-01' AND '2026-01-01T00:00:00.000001Z'", [0]),
        # names
        ("`select` = 1", [1]),
        ('"select" = 1', [1]),
        ("`a-b` = 1", [1]),
        ("Case = 1", [1]),
        ("`image`.width = 64", [0]),
        ("image IS NULL", [2]),
        ("tags IS NULL", [2]),
    ],
)  # fmt: skip
def test_the_rows_that_it_means(table: lance.LanceDataset, text: str, rows: list[int]) -> None:
    assert kept(table, text) == rows


def test_every_function_was_tried(table: lance.LanceDataset) -> None:
    tried = [mark for mark in test_the_rows_that_it_means.pytestmark if mark.name == "parametrize"]
    texts = " ".join(text for text, _ in tried[0].args[1])
    assert [name for name in FUNCTIONS if f"{name}(" not in texts] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("width > 1", "no column 'width'; did you mean 'image.width'?"),
        ("image.widht > 1", "did you mean 'image.width'"),
        ("image.width.x > 1", "no column 'image.width.x'"),
        ("tags.x > 1", "no column 'tags.x'"),
        ("case = 1", "no column 'case'; did you mean 'Case'"),
        ("i", "`i` is a whole number, not a condition"),
        ("s AND b", "`s` is a text, not a condition"),
        ("NOT i", "not a condition"),
        ("i IS TRUE", "not a condition"),
        ("s > 1", "`s` is a text and 1 is a whole number: they do not compare"),
        ("bin = 'x'", "`bin` is bytes and 'x' is a text"),
        ("s + 1 > 1", "`s` is a text, not a number"),
        ("s LIKE 1", "1 is a whole number, not a text"),
        ("i LIKE 'x'", "not a text"),
        ("image = 1", "`image` is a struct"),
        ("(i = 1) = TRUE", "(`i` = 1) is a condition and TRUE is true or false: they do not compare"),
        ("coalesce(i = 1, TRUE)", "coalesce takes"),
        ("tags = tags", "`tags` is a list: they do not compare"),
        ("length(bin) > 1", "`bin` is bytes, not a text"),
        ("isnan(s)", "`s` is a text, not a number"),
        ("abs(i, i) > 1", "abs takes 1"),
        ("coalesce() > 1", "coalesce takes"),
        ("coalesce(i, s) > 1", "coalesce takes"),
        ("greatest(s, s) > 'a'", "greatest takes"),
        ("array_length(i) > 1", "not a list"),
        ("at > 'yesterday'", "'yesterday' is no time"),
        ("at > i", "they do not compare"),
        ("at > s", "is no time"),
        ("i > 9223372036854775808", "does not fit into 64 bits"),
        ("f > 18446744073709551616", "does not fit into 64 bits"),
    ],
)
def test_what_does_not_fit_the_columns(text: str, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        Predicate.parse(text).to_lance(ROWS.schema)
    assert reason in str(caught.value)


def test_a_backtick_in_a_name_cannot_be_said_in_lance() -> None:
    with pytest.raises(FilterError, match="has a backtick in its name"):
        Predicate.parse('"a`b" = 1').to_lance(pa.schema([("a`b", pa.int64())]))


@pytest.mark.parametrize(
    "grow",
    [
        lambda inner: f"(b OR NOT ({inner} AND b))",
        lambda inner: f"(i / ({inner} % i))",
        lambda inner: f"abs(- {inner})",
        lambda inner: f"coalesce(i, {inner} / 2)",
        lambda inner: f"(i - {inner})",
        lambda inner: f"NOT {inner}",
        lambda inner: f"least(round({inner}), 3)",
    ],
)
def test_lance_takes_whatever_is_not_too_deep(table: lance.LanceDataset, grow: object) -> None:
    assert callable(grow)
    boolean = "b" in grow("i").replace("abs", "") or "NOT" in grow("i")
    text, deepest = ("b" if boolean else "i"), 0
    for depth in range(1, MAX_DEPTH + 2):
        text = grow(text)
        try:
            predicate = Predicate.parse(text if boolean else f"{text} > 0")
        except FilterError as error:
            assert "nested too deeply" in error.message
            break
        table.to_table(columns=["select"], filter=predicate.to_lance(table.schema))
        deepest = depth
    assert MAX_DEPTH // 4 <= deepest <= MAX_DEPTH


def test_chains_may_be_long(table: lance.LanceDataset) -> None:
    assert kept(table, " OR ".join(f"i = {n}" for n in range(1000))) == [0, 1, 3]
    assert kept(table, "i IN (" + ", ".join(map(str, range(5000))) + ")") == [0, 1, 3]


# Meaning, against plain Python

floats = st.none() | st.floats(width=32, allow_infinity=False) | st.sampled_from([NAN, 0.0, -0.0, 1.0, 2.5])
wholes = st.none() | st.integers(-3, 3)
literals = st.sampled_from([-1.0, 0.0, 1.0, 2.5]) | st.integers(-3, 3)
COLUMNS = {"x": floats, "y": floats, "m.z": floats, "n": wholes}
OPERATORS = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
Tree = tuple[object, ...]
names = st.sampled_from(sorted(COLUMNS))
leaves: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("compare"), st.sampled_from(sorted(OPERATORS)), names, literals | names),
    st.tuples(st.just("sum"), st.sampled_from(sorted(OPERATORS)), names, names, literals),
    st.tuples(st.just("in"), names, st.lists(literals, min_size=1, max_size=3)),
    st.tuples(st.just("between"), names, literals, literals),
    st.tuples(st.just("null"), names),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("is"), inner, st.booleans()),
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
    ),
    max_leaves=5,
)


def said(tree: Tree) -> str:
    match tree:
        case ("compare", operator, left, right):
            return f"{left} {operator} {right if isinstance(right, str) else quote(right)}"  # type: ignore[arg-type]
        case ("sum", operator, left, right, value):
            return f"{left} + {right} {operator} {quote(value)}"  # type: ignore[arg-type]
        case ("in", name, list(values)):
            return f"{name} IN ({', '.join(map(quote, values))})"
        case ("between", name, low, high):
            return f"{name} BETWEEN {quote(low)} AND {quote(high)}"  # type: ignore[arg-type]
        case ("null", name):
            return f"{name} IS NULL"
        case ("is", tuple(inner), value):
            return f"({said(inner)}) IS {value}"
        case ("not", tuple(inner)):
            return f"NOT ({said(inner)})"
        case (word, tuple(left), tuple(right)):
            return f"({said(left)}) {word} ({said(right)})"
    raise AssertionError(tree)


def meant(tree: Tree, row: dict[str, object]) -> bool | None:
    """Three-valued logic over one row."""
    match tree:
        case ("compare", str(operator), str(left), right):
            a, b = row[left], row[right] if isinstance(right, str) else right
            return None if a is None or b is None else OPERATORS[operator](a, b)
        case ("sum", str(operator), str(left), str(right), value):
            a, b = row[left], row[right]
            return None if a is None or b is None else OPERATORS[operator](a + b, value)  # type: ignore[operator]
        case ("in", str(name), list(values)):
            return None if row[name] is None else row[name] in values
        case ("between", str(name), low, high):
            value = row[name]
            return None if value is None else low <= value <= high  # type: ignore[operator]
        case ("null", str(name)):
            return row[name] is None
        case ("is", tuple(inner), value):
            return meant(inner, row) is value
        case ("not", tuple(inner)):
            truth = meant(inner, row)
            return None if truth is None else not truth
        case (word, tuple(left), tuple(right)):
            both = {meant(left, row), meant(right, row)}
            decisive = word == "or"
            return decisive if decisive in both else None if None in both else not decisive
    raise AssertionError(tree)


def mentioned(tree: Tree) -> set[str]:
    here = {part for part in tree[1:] if isinstance(part, str) and part in COLUMNS}
    return here.union(*(mentioned(part) for part in tree[1:] if isinstance(part, tuple)))


@settings(deadline=None, max_examples=150)
@given(trees, st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=8))
def test_nan_never_passes_and_the_rest_is_plain_logic(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree, rows: list[dict[str, object]]
) -> None:
    columns = {
        "x": pa.array([row["x"] for row in rows], pa.float64()),
        "y": pa.array([row["y"] for row in rows], pa.float32()),
        "m": pa.array([{"z": row["m.z"]} for row in rows], pa.struct([("z", pa.float32())])),
        "n": pa.array([row["n"] for row in rows], pa.int32()),
        "row": pa.array(range(len(rows))),
    }
    stored = lance.write_dataset(pa.table(columns), tmp_path_factory.mktemp("nan") / "t.lance")
    predicate = Predicate.parse(said(tree))
    found = stored.to_table(columns=["row"], filter=predicate.to_lance(stored.schema))["row"].to_pylist()
    used = mentioned(tree)
    assert set(predicate.columns) == used
    clean = [n for n, row in enumerate(rows) if not any(row[name] != row[name] for name in used)]
    assert found == [n for n in clean if meant(tree, rows[n])]
