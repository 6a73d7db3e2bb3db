from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from mmreg.schemas.arrow import DONE, ERROR, STATE
from mmreg.schemas.check import CheckResult
from mmreg.schemas.fingerprint import NOTHING, output_prints

Judge = Callable[..., CheckResult]


def done(generation: int) -> dict[str, Any]:
    return {"generation": generation, "inputs": 1, "state": DONE, "error": None, "outputs": NOTHING}


def check(
    judge: Judge, states: list[dict[str, Any] | None], scores: list[float | None] | None = None, **declared: Any
) -> CheckResult:
    cells = pa.array(scores or [None] * len(states), pa.float32())
    columns = {"score": cells, "_mmreg_clip": pa.array(states, STATE)}
    return judge(
        columns,
        cuts=[3],
        producers={"score": "clip"},
        check="lineage.single_generation",
        column="score",
        **declared,
    )


def test_one_generation_passes(judge: Judge) -> None:
    result = check(judge, [done(2**64 - 1)] * 5)
    assert (result.status, result.examined, result.failed, result.column) == ("passed", 5, 0, "score")
    assert result.message == "0 of 5 rows are not of generation ffffffffffffffff"


def test_every_other_fate_fails_with_its_reason(judge: Judge) -> None:
    broken = done(1) | {"state": ERROR, "error": "no picture"}
    result = check(judge, [done(2), done(1), None, done(1), broken, done(1)])
    assert (result.status, result.failed) == ("failed", 3)
    assert result.message == (
        "3 of 6 rows are not of generation 0000000000000001 (50%): "
        "1 never computed, 1 ended in an error, 1 of generation 0000000000000002"
    )
    assert [(int(e["sample_id"], 16), e["value"], e["reason"]) for e in result.examples] == [
        (0, "0000000000000002", "of generation 0000000000000002"),
        (2, "null", "never computed"),
        (4, "0000000000000001", "ended in an error: 'no picture'"),
    ]


def test_the_first_seen_of_equally_frequent_generations_counts(judge: Judge) -> None:
    result = check(judge, [done(9), done(3), done(3), done(9)])
    assert (result.failed, [int(e["sample_id"], 16) for e in result.examples]) == (2, [1, 2])


def test_a_column_never_computed_fails_as_a_whole(judge: Judge) -> None:
    result = check(judge, [None] * 7)
    assert (result.status, result.failed, len(result.examples)) == ("failed", 7, 5)
    assert result.message == "7 of 7 rows are not computed (100%): 7 never computed"


def test_some_may_be_tolerated(judge: Judge) -> None:
    result = check(judge, [done(1), done(1), done(1), None], max_failure_rate=0.25)
    assert (result.status, result.failed) == ("passed", 1)


def test_no_rows_pass_and_say_so(judge: Judge) -> None:
    result = check(judge, [])
    assert (result.status, result.examined, result.message) == ("passed", 0, "no rows")


def test_fields_of_a_made_column_belong_to_its_pass(judge: Judge) -> None:
    stats = pa.array([{"width": 1}])
    written = int(output_prints(pa.table({"stats": stats}), ["stats"])[0])
    columns = {"stats": stats, "_mmreg_look": pa.array([done(1) | {"outputs": written}], STATE)}
    result = judge(columns, producers={"stats": "look"}, check="lineage.single_generation", column="stats.width")
    assert (result.status, result.examined) == ("passed", 1)


def test_cells_that_somebody_else_wrote_are_seen(judge: Judge) -> None:
    """Over what the pass had written, and in the place of what it has not written yet."""
    scores = [0.5, 0.25, 0.5, 0.5, None]
    prints = output_prints(pa.table({"score": pa.array(scores, pa.float32())}), ["score"]).tolist()
    states = [done(1) | {"outputs": written} for written in prints]
    result = check(judge, [*states[:3], None, None], [0.5, 0.25, 0.75, 0.5, None])
    assert (result.status, result.failed) == ("failed", 3)
    assert result.message.endswith("1 never computed, 1 overwritten since, 1 not written by its pass")
    assert [(int(e["sample_id"], 16), e["reason"]) for e in result.examples] == [
        (2, "overwritten since"),
        (3, "not written by its pass"),
        (4, "never computed"),
    ]


def test_a_column_that_its_pass_makes_no_longer_says_nothing_of_the_others(judge: Judge) -> None:
    """The state of a row is over what the pass made when it last ran."""
    written = output_prints(pa.table({"score": [1.0]}), ["score"]).tolist()[0]
    state = pa.array([done(1) | {"outputs": written}], STATE)
    columns = {"score": pa.array([1.0]), "old": pa.array(["made by an earlier version"]), "_mmreg_clip": state}
    declared = {"check": "lineage.single_generation", "column": "score"}
    made = {"score": "clip", "old": "clip"}
    assert judge(columns, producers=made, former=["old"], **declared).status == "passed"
    assert judge(columns, producers=made, **declared).status == "failed"
