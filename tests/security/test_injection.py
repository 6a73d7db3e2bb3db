"""Values and names in predicates and in the index: whatever they hold, they stay values and names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import FilterError, MmregError
from mmreg.schemas.literal import quote
from mmreg.schemas.predicate import Predicate

ATTACKS = [
    "x' OR 1=1 --", "x' OR '1'='1", "'; DROP TABLE run; --", "x'; DELETE FROM run", "\\' OR 1=1 --",
    "x\" OR \"\"=\"", "`",
    "') OR (1=1", "x/*", "*/ OR 1=1", "%", "_", "\x00", "\u02bc OR 1=1", "{x}", "$1", "?", "x\n-- ",
]  # fmt: skip
REFUSED = [
    "id = 1; DROP TABLE x", "id = 1 -- comment", "id = 1 /* comment */", "id = (SELECT 1)", "id IN (SELECT id FROM x)",
    "repeat('x', 4000000000) = 'x'", "pg_sleep(9) = 1", "id = 1 UNION SELECT 1", "CAST(id AS text) = 'x'",
    "id = @x", "id = ?",
    "CASE WHEN 1=1 THEN true END", "EXISTS (SELECT 1)", "id::text = 'x'", "_rowid.x = 1", "* = 1", "id = $1",
    "1 = 1; 2 = 2",
    "", ";", "(", "'", "(" * 500 + "id = 1" + ")" * 500, "id = 1 OR " * 12_000 + "id = 1",
]  # fmt: skip
SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    rows = pa.table({"id": range(len(ATTACKS)), "text": ATTACKS}, schema=SCHEMA)
    return lance.write_dataset(rows, tmp_path_factory.mktemp("lance") / "t.lance")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_finds_itself_and_nothing_else(table: lance.LanceDataset, attack: str) -> None:
    condition = Predicate.parse(f"text = {quote(attack)}").to_lance(SCHEMA)
    assert table.to_table(filter=condition)["text"].to_pylist() == [attack]
    absent = Predicate.parse(f"text = {quote(attack + '!')}").to_lance(SCHEMA)
    assert table.count_rows(absent) == 0


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=60)
def test_any_text_stays_a_value(text: str) -> None:
    predicate = Predicate.parse(f"text = {quote(text)}")
    assert predicate.columns == ("text",)
    assert f"text = {quote(text)}" == str(predicate) and quote(text) in predicate.to_lance(SCHEMA)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_what_is_more_than_one_expression_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        Predicate.parse(text).to_lance(SCHEMA)


@pytest.mark.parametrize("name", ['a"b', "a;b", "a'b", "a--b", "select", "a b", "a)b", "\u00e9", "A", "rowid", "a\\b"])
def test_a_column_may_be_called_anything_but_a_backtick(tmp_path: Path, name: str) -> None:
    written = lance.write_dataset(pa.table({name: [1, 2], "other": [2, 2]}), tmp_path / "t.lance")
    condition = Predicate.parse(f"`{name}` = 1").to_lance(written.schema)
    assert written.to_table(filter=condition)["other"].to_pylist() == [2]
    with pytest.raises(FilterError):
        Predicate.parse("`a``b` = 1").to_lance(pa.schema([("a`b", pa.int64())]))


def test_patterns_that_explode_end_in_an_answer_or_an_error(place: Any) -> None:
    (place.folder / "x.jsonl").write_text('{"text": "' + "a" * 5000 + '"}\n')
    place.declare("""
        version: 1
        project: small
        datasets:
          pairs: {source: {type: jsonl, path: x.jsonl}, columns: {text: {type: text}}}
    """)
    place.call("init")
    place.call("apply", "--quiet")
    for pattern in ("(a+)+$", "((a{1000}){1000}){1000}", "(", "[", "\\p{x}", "(?R)"):
        place.call("query", "pairs", "--where", f"regexp_like(text, '{pattern}')", status=None)
    for attack in ATTACKS:
        result = place.call("query", "pairs", "--where", f"text = {quote(attack)}", status=None)
        assert result.exit_code in (0, 2) and "aaaa" not in result.stdout


def test_the_index_holds_any_text_and_is_asked_by_values(place: Any) -> None:
    """What runs say goes into the index: addresses, params and licences of attackers are found again as they were."""
    for attack in ("'; DROP TABLE run; --", '"; DROP TABLE run; --', "x' OR 1=1 --"):
        (place.folder / "clip.bin").write_bytes(attack.encode())
        place.declare("version: 1\nproject: small\n")
        place.call("init", status=None)
        place.call("model", "add", str(place.folder / "clip.bin"), "clip", "--license", attack)
        assert place.json("model", "show", "clip")["license"] == attack
        for verb in (["show", attack], ["log", attack], ["lineage", "up", f"run:{attack}"], ["why", attack, attack]):
            result = place.call(*verb, status=None)
            assert result.exit_code in (2, 3)
    place.call("catalog", "rebuild")
    assert len(place.json("model", "ls")) == 3


def test_an_error_is_ours(read: Callable[..., Any]) -> None:
    with pytest.raises(MmregError):
        read({"type": "jsonl", "path": "'; --.jsonl"}, {"text": {"type": "text"}})
