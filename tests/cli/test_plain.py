from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.cli.plain import plain, to_json
from mmreg.cli.text import HOSTILE
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.finding import Finding
from mmreg.schemas.run import Job, Run, RunState, VersionOutput

ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(ANY_TEXT, part, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_says_the_same_and_cannot_steer_a_terminal(value: object) -> None:
    text = to_json(value)
    assert not HOSTILE.search(text.replace("\n", ""))
    assert json.loads(text) == value


@given(VALUES)
def test_indented_it_is_as_json_has_it(value: object) -> None:
    theirs = json.dumps(value, indent=2, ensure_ascii=False)
    assert to_json(value) == HOSTILE.sub(lambda match: match[0] if match[0] == "\n" else spelled(match[0]), theirs)


def spelled(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def test_a_line_of_json_is_one_line() -> None:
    assert to_json({"caption": "one\ntwo\u2028three"}, indent=None) == r'{"caption": "one\ntwo\u2028three"}'


def test_properties_come_after_the_fields() -> None:
    failed = CheckResult("unique", "failed", "error", 10, 2, "2 rows are not unique")
    document = plain(ValidationReport("pairs", "pairs@v1", "u", 10, (failed,)))
    assert document["ok"] is False
    assert list(document)[:3] == ["dataset", "version", "uuid"]
    assert document["results"][0]["failed"] == 2


def test_a_run_and_its_parts() -> None:
    output = VersionOutput("pairs", "u", 3, "root", 5)
    run = Run("r", Job("ingest", "pairs"), RunState.COMPLETE, "a", "b", outputs=(output,))
    document = json.loads(to_json(run))
    assert document["state"] == "complete"
    assert document["outputs"][0]["ref"] == "pairs@v3"


def test_what_json_has_no_word_for() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    value = {"a": float("nan"), "b": float("-inf"), "c": b"\x00\xff", "d": moment, "e": PurePosixPath("x/y"),
             "f": timedelta(seconds=2), 7: {1}, "g": moment.date()}  # fmt: skip
    assert json.loads(to_json(value)) == {
        "a": None, "b": None, "c": "00ff", "d": "2026-11-22T00:00:00+00:00", "e": "x/y", "f": 2.0, "7": [1],
        "g": "2026-11-22",
    }  # fmt: skip


def test_a_class_is_no_value() -> None:
    with pytest.raises(TypeError, match="no JSON for type"):
        to_json(Finding)
