"""No group is kept much less often than another, by any selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Guard = Callable[..., CheckResult]
COLUMNS = {"cell": "text", "n": "int"}


def groups(*pairs: tuple[str | None, int]) -> pa.Array[Any]:
    return pa.array([name for name, rows in pairs for _ in range(rows)], pa.string())


def test_hand_computed(guard: Guard) -> None:
    """40 of 50 and 30 of 40: 0.8 and 0.75, a ratio of 0.9375; 20 of 50: 0.4 and 0.75, one of 0.533."""
    cells = groups(("a", 50), ("b", 40))
    declared = {"check": "guard.pass_rate_ratio", "group": "cell"}
    result = guard(cells, [*range(40), *range(50, 80)], **declared)
    assert (result.status, result.examined, result.failed) == ("passed", 1, 0)
    assert result.message == "ratio of pass rates since v0: 0.938 (b 0.75, a 0.8) (at least 0.8)"
    assert result.numbers == {"since v0": pytest.approx(0.9375)}
    a, b = result.groups
    assert (a.name, a.rows, a.rate, a.status) == ("since v0: a", 50, 0.8, "passed")
    assert (a.low, a.high) == (pytest.approx(0.6696, abs=1e-4), pytest.approx(0.8876, abs=1e-4))
    assert (b.name, b.rows, b.rate) == ("since v0: b", 40, 0.75)
    result = guard(cells, [*range(20), *range(50, 80)], **declared)
    assert (result.status, result.failed) == ("failed", 1)
    assert guard(cells, [*range(20), *range(50, 80)], min_value=0.5, **declared).status == "passed"


def test_each_selection_is_judged_also_where_another_makes_up_for_it(guard: Guard) -> None:
    cells = groups(("a", 100), ("b", 100))
    first = [*range(50), *range(100, 200)]
    second = [*range(50), *range(100, 150)]
    result = guard(cells, first, second, check="guard.pass_rate_ratio", group="cell")
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert result.numbers == {"since v0": 1.0, "step 1": 0.5, "step 2": 0.5}


def test_small_groups_are_insufficient_never_passed(guard: Guard) -> None:
    cells = groups(("a", 40), ("b", 40), ("c", 29))
    declared = {"check": "guard.pass_rate_ratio", "group": "cell"}
    result = guard(cells, range(109), **declared)
    assert (result.status, result.failed) == ("insufficient", 0)
    assert "fewer than 30 rows of c" in result.message
    assert [g.status for g in result.groups] == ["passed", "passed", "insufficient"]
    assert guard(cells, range(109), groups=["a", "b"], **declared).status == "passed"
    assert guard(cells, [*range(10), *range(40, 109)], **declared).status == "failed", "others fail it"
    assert guard(groups(("a", 40)), range(40), **declared).status == "insufficient"
    assert guard(groups(("a", 40), (None, 99)), range(40), **declared).status == "insufficient"
    assert guard(groups(("a", 40), ("b", 40)), [], **declared).status == "insufficient"
    assert guard(groups(("a", 40), ("b", 40)), range(80), groups=["a", "z"], **declared).status == "insufficient"


@given(
    st.lists(st.tuples(st.sampled_from("aaabbbc"), st.booleans(), st.booleans()), max_size=300),
    st.sampled_from([0.5, 0.8, 1.0]),
)
def test_as_plain_python_has_it(guard: Guard, rows: list[tuple[str, bool, bool]], least: float) -> None:
    first = [row for row, (_, kept, _) in enumerate(rows) if kept]
    second = [place for place, row in enumerate(first) if rows[row][2]]
    cells = pa.array([name for name, _, _ in rows], pa.string())
    taken = [first[place] for place in second]
    result = guard(cells, first, taken, check="guard.pass_rate_ratio", group="cell", min_value=least)
    names = [name for name, _, _ in rows]
    counts = [Counter(names), Counter(names[row] for row in first), Counter(names[row] for row in taken)]
    said = [_plain(before, after, least) for before, after in ((counts[0], counts[2]), counts[:2], counts[1:])]
    worst = "failed" if "failed" in said else "insufficient" if "insufficient" in said else "passed"
    assert (result.status, result.failed) == (worst, said.count("failed"))


def _plain(before: Counter[str], after: Counter[str], least: float) -> str:
    rates = [after[name] / rows for name, rows in before.items() if rows >= 30]
    ratio = min(rates) / max(rates) if len(rates) > 1 and max(rates) > 0 else None
    if ratio is not None and ratio < least:
        return "failed"
    return "passed" if ratio is not None and len(rates) == len(before) else "insufficient"


def test_values_of_many_kinds_are_no_groups(guard: Guard) -> None:
    cells = pa.array([str(number) for number in range(1001)])
    with pytest.raises(UsageError, match="more than 1,000 values"):
        guard(cells, range(1001), check="guard.pass_rate_ratio", group="cell")


def test_on_a_real_lake(lake_of: Any, answer: Any) -> None:
    """Two filters and a split; the group of the base counts, whatever version it is."""
    rows = [{"cell": "ab"[n % 2], "n": n} for n in range(120)]
    passes = {
        "first": 'from: rows, into: some, use: filter, where: "n >= 20"',
        "second": """from: some, into: fewer, use: filter, where: "cell = 'a' OR n >= 60" """,
        "parts": "from: fewer, into: parts, use: split, params: {{test: 0.5, seed: 1}}",
    }
    made = lake_of(rows, COLUMNS, passes)
    result = answer(made, "parts", check="guard.pass_rate_ratio", group="cell")
    assert result.status == "failed"
    assert result.numbers == {"since rows@v1": 0.6, "first": 1.0, "second": 0.6, "parts": 1.0}
    result = answer(made, "parts", check="guard.pass_rate_ratio", group="cell", against="fewer")
    assert (result.status, result.numbers) == ("passed", {"since fewer@v1": 1.0})
    result = answer(made, "rows", check="guard.pass_rate_ratio", group="cell")
    assert result.status == "insufficient"
    assert result.message.startswith("no selection made this version")


def test_a_base_that_is_gone_is_insufficient(lake_of: Any, answer: Any) -> None:
    """The rows of `some` are those of before; clean-up has taken the version that they were selected from."""
    rows = [{"cell": "ab"[n % 2], "n": n} for n in range(80)]
    made = lake_of(rows, COLUMNS, {"first": 'from: rows, into: some, use: filter, where: "n >= 8"'})
    file = made.folder / "mmreg.yaml"
    text = file.read_text().replace("passes:", "retention: {keep_days: 0}\npasses:")
    file.write_text(text + "  stats: {from: some, use: text_stats, inputs: {text: cell}}\n")
    assert answer(made, "some", check="guard.pass_rate_ratio", group="cell").status == "passed"
    file.write_text(file.read_text().partition("\nchecks:")[0] + "\n")
    made.apply()
    with made.open() as registry:
        registry.gc(apply=True)
    result = answer(made, "some", check="guard.pass_rate_ratio", group="cell")
    assert result.status == "insufficient"
    assert "rows@v1 was removed from the lake" in result.message
    assert answer(made, "some", check="guard.keep_rate", min_value=0.9).numbers == {"keep_rate": 0.9}
