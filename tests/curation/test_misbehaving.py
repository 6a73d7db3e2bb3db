"""A plug-in that breaks the promise of its kind publishes nothing, and is told what it did."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import PassFailed, UsageError

DECLARATION = """
version: 1
project: misbehaving
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
"""

PLUG_IN = """
import pyarrow as pa


class Bad:
    version = "1"
    kind, scope, role = {kind!r}, {scope!r}, "evaluator"
    inputs = {{"text": "text"}}
    makes_rows = {makes_rows}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema({outputs})

    def open(self):
        pass

    def __call__(self, batch):
        n = batch.num_rows
        return {answer}
"""

CASES = {
    # name: (what the class says of itself, what it promises, what it answers, what it is told)
    "a score that answers for fewer rows": (
        "score", '{"n": pa.int32()}', 'pa.record_batch({"n": pa.array([1] * (n - 1), pa.int32())})',
        "answered 2 rows for 3",
    ),
    "an extraction that makes rows": (
        "extract", '{"n": pa.int32()}', 'pa.record_batch({"n": pa.array([1] * (n + 1), pa.int32())})',
        "answered 4 rows for 3",
    ),
    "a score that writes over its input": (
        "score", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1] * n, pa.int32()), "caption": pa.array(["mine"] * n)})',
        "answered the column 'caption', which it does not promise",
    ),
    "a score of another type": (
        "score", '{"n": pa.int32()}', 'pa.record_batch({"n": pa.array(["one"] * n)})',
        "promised n as int32, answered string",
    ),
    "a score without its column": (
        "score", '{"n": pa.int32()}', 'pa.record_batch({"error": pa.nulls(n, pa.string())})',
        "promised n as int32, answered nothing",
    ),
    "an answer that is no batch": (
        "score", '{"n": pa.int32()}', '[1] * n', "answered a list, where a pyarrow.RecordBatch is due",
    ),
    "errors that are no texts": (
        "score", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1] * n, pa.int32()), "error": pa.array([False] * n)})',
        "answered 'error' as bool, where text is due",
    ),
    "a map of the same samples that makes rows": (
        "map", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1] * n, pa.int32()), "_row": pa.array([0] * n, pa.int32())})',
        "answered the column '_row', which it does not promise",
    ),
    "a map to many that says no parent": (
        "map, rows", '{"n": pa.int32()}', 'pa.record_batch({"n": pa.array([1] * n, pa.int32())})',
        r"answers '_row' \\(int32\\), which says for which row of the batch each was made, not nothing",
    ),
    "a map to many of parents that there are not": (
        "map, rows", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([n], pa.int32())})',
        "made rows for row 3, where there are 3 rows",
    ),
    "a map to many of parents before the first": (
        "map, rows", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([-1], pa.int32())})',
        "made rows for row -1, where there are 3 rows",
    ),
    "a map to many of which one has no parent": (
        "map, rows", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1, 2], pa.int32()), "_row": pa.array([0, None], pa.int32())})',
        "1 new rows do not say for which row they were made",
    ),
    "a map to many that says an origin": (
        "map, rows", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([0], pa.int32()), "origin": ["me"]})',
        "answered 'origin', which it did not promise",
    ),
    "a map to many of another type": (
        "map, rows", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1.5]), "_row": pa.array([0], pa.int32())})',
        "promised n as int32, answered double",
    ),
    "a creation from nothing": (
        "create", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([None], pa.int32())})',
        "1 new rows do not say for which row they were made",
    ),
    "a creation with an empty origin": (
        "create", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([0], pa.int32()), "origin": [""]})',
        "an empty 'origin' does not say what a row was made from",
    ),
    "a creation whose origin is a number": (
        "create", '{"n": pa.int32()}',
        'pa.record_batch({"n": pa.array([1], pa.int32()), "_row": pa.array([0], pa.int32()), "origin": [7]})',
        "answered 'origin' as int64, where text is due",
    ),
    "a filter that does not decide": (
        "filter", '{"keep": pa.bool_()}', 'pa.record_batch({"keep": pa.array([True, None] + [False] * (n - 2))})',
        "'keep' is null, where a filter says whether a row is kept or fails",
    ),
    "a filter that answers numbers": (
        "filter", '{"keep": pa.bool_()}', 'pa.record_batch({"keep": pa.array([1] * n)})',
        "promised keep as bool, answered int64",
    ),
    "a filter that changes cells": (
        "filter", '{"keep": pa.bool_()}',
        'pa.record_batch({"keep": pa.array([True] * n), "caption": pa.array(["better"] * n)})',
        "answered the column 'caption', which it does not promise",
    ),
    "a filter that drops rows by itself": (
        "filter", '{"keep": pa.bool_()}', 'pa.record_batch({"keep": pa.array([True])})', "answered 1 rows for 3",
    ),
    "a table that loses rows": (
        "score, table", '{"n": pa.int32()}', 'pa.record_batch({"n": pa.array([1], pa.int32())})',
        "answered 1 rows for 3",
    ),
}  # fmt: skip


@pytest.fixture
def bad(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], Any]:
    """A project of three pictures with one plug-in."""

    def bad(says: str, outputs: str, answer: str) -> Any:
        monkeypatch.delitem(sys.modules, "misbehaving", raising=False)
        kind, _, more = says.partition(", ")
        into = "into: made, " if kind in ("filter", "create") or more == "rows" else ""
        declared = f'  bad: {{{{from: pairs, {into}use: "misbehaving:Bad", inputs: {{{{text: caption}}}}}}}}\n'
        small = project(images=3, declaration=DECLARATION + declared)
        scope = "table" if more == "table" else "row"
        code = PLUG_IN.format(kind=kind, scope=scope, makes_rows=more == "rows", outputs=outputs, answer=answer)
        if scope == "table":
            code = code.replace('{"text": "text"}', '{"text": "any"}')
        (small.folder / "misbehaving.py").write_text(code)
        return small

    return bad


@pytest.mark.parametrize("case", CASES)
def test_a_pass_that_breaks_its_kind_publishes_nothing(bad: Callable[[str, str, str], Any], case: str) -> None:
    says, outputs, answer, told = CASES[case]
    small = bad(says, outputs, answer)
    small.apply("pairs")
    before = {name: len(small.open().log(name)) for name in ("pairs",)}
    with pytest.raises(PassFailed, match=told.replace("\\\\", "\\")):
        small.apply("bad")
    registry = small.open()
    assert [summary.name for summary in registry.ls()] == ["pairs"]
    assert {name: len(registry.log(name)) for name in before} == before
    schema = registry.open_version("pairs@latest").table.schema
    assert [name for name in schema.names if "bad" in name or name in ("n", "keep")] == []


@pytest.mark.parametrize(
    ("says", "outputs", "told"),
    [
        ("filter", '{"kept": pa.bool_()}', r"is a filter, which answers 'keep' \(bool\) .* not kept \(bool\)"),
        ("filter", '{"keep": pa.int8()}', r"not keep \(int8\)"),
        ("filter", '{"keep": pa.bool_(), "score": pa.float32()}', r"not keep \(bool\), score \(float\)"),
        ("filter", '{"keep": pa.bool_(), "reason": pa.int8()}', r"not keep \(bool\), reason \(int8\)"),
        ("map, rows", '{"parent": pa.string()}', "makes 'parent', which is mmreg's own"),
        ("map, rows", '{"_row": pa.int32()}', "makes '_row', which is mmreg's own"),
        ("create", '{"origin": pa.string()}', "makes 'origin', which is mmreg's own"),
        ("score", '{"error": pa.string()}', "makes 'error', which is mmreg's own"),
        ("score", '{"caption": pa.string()}', "would be the column 'caption', which the source makes"),
    ],
)
def test_a_promise_that_its_kind_may_not_give_is_refused_before_a_call(
    bad: Callable[[str, str, str], Any], says: str, outputs: str, told: str
) -> None:
    small = bad(says, outputs, "1 / 0")
    with pytest.raises(UsageError, match=told):
        small.apply("pairs", "bad")
