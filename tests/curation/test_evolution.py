"""A declaration that changes: what is added, renamed, retyped or no longer declared, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.evolution import Evolutions, evolve
from mmreg.curation.graph import Step
from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import SpecError, UsageError

RECORDS = """
version: 1
project: evolving
lake: {lake}
datasets:
  pairs:
    source: {{type: jsonl, path: records.jsonl}}
    columns:
      caption: {{type: text}}
      width: {{type: int}}
passes:
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
  long:  {{from: pairs, into: long, use: filter, where: "n_words >= 2"}}
"""


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    """Four records of two to five words, with a licence that is not declared; applied."""
    made = project(images=0, declaration=RECORDS)
    write(made, range(4))
    made.apply()
    return made


def write(project: Any, numbers: range, **more: Any) -> None:
    records = (
        {"caption": "a" + " word" * (n + 1), "width": 10 * n, "licence": f"cc-{n}" if n % 2 else None, **more}
        for n in numbers
    )
    (project.folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def edit(project: Any, *changes: tuple[str, str]) -> None:
    file: Path = project.folder / "mmreg.yaml"
    text = file.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text)


def planned(project: Any, *select: str) -> list[tuple[str, str, str, str]]:
    return [(step.verb, step.action, step.name, step.reason) for step in plan(project.open(), select).steps]


def actions(project: Any) -> dict[str, str]:
    return {step.name: step.action for step in plan(project.open()).steps if step.kind != "schema"}


def test_a_column_is_added_and_filled_from_the_source_in_place(small: Any, rows: Any) -> None:
    before = rows(small.open(), "pairs@latest")
    edit(small, ("width: {type: int}", "width: {type: int}\n      licence: {type: string, nullable: true}"))
    assert planned(small)[0] == (
        "+", "run", "pairs", "column licence: string, null in 4 rows; the source is read again",
    )  # fmt: skip
    assert planned(small)[1][3] == "the declaration changed: 4 to read again"
    report = small.apply()
    assert [(step.kind, step.outcome) for step in report.steps[:2]] == [
        ("schema", "published"),
        ("ingest", "published"),
    ]
    assert "2 filled" in report.steps[1].message
    after = rows(small.open(), "pairs@latest")
    assert after.keys() == before.keys(), "rows stay who they are"
    for sample, row in after.items():
        number = row["width"] // 10
        assert row.pop("licence") == (f"cc-{number}" if number % 2 else None)
        assert row == before[sample], "and what they were, with what passes made of them"
    assert len(small.calls()) == 4 and not plan(small.open()).pending
    assert small.apply().changed is False
    assert [entry.job for entry in small.open().log("pairs")] == [
        "ingest pairs", "schema pairs", "pass words", "ingest pairs",
    ]  # fmt: skip


def test_rows_that_change_while_a_column_is_added_are_replaced(small: Any, rows: Any) -> None:
    edit(small, ("width: {type: int}", "width: {type: int}\n      licence: {type: string, nullable: true}"))
    write(small, range(1, 6))
    small.apply()
    found = {row["width"]: row["licence"] for row in rows(small.open(), "pairs@latest").values()}
    assert found == {10: "cc-1", 20: None, 30: "cc-3", 40: None, 50: "cc-5"}
    assert small.apply().changed is False


def test_an_added_column_has_to_be_nullable(small: Any) -> None:
    edit(small, ("width: {type: int}", "width: {type: int}\n      licence: {type: string}"))
    with pytest.raises(UsageError, match="the rows that are there lack the new column 'licence'"):
        plan(small.open())


def test_a_renamed_column_costs_nothing(small: Any, rows: Any) -> None:
    before = rows(small.open(), "pairs@latest")
    data = sorted((small.folder / "lake" / "pairs.lance" / "data").iterdir())
    edit(
        small,
        ("caption: {type: text}", "text: {type: text, field: caption, renamed_from: caption}"),
        ("inputs: {text: caption}", "inputs: {text: text}"),
    )
    assert planned(small)[0] == (
        "~", "run", "pairs", "column caption is renamed text; nothing is written or computed again",
    )  # fmt: skip
    assert actions(small) == {"pairs": "nothing", "words": "nothing", "long": "nothing"}
    assert [(p.name, p.done, p.blocked) for p in status(small.open()).passes] == [("words", 4, None)]
    report = small.apply()
    assert [(s.kind, s.outcome) for s in report.steps if s.outcome != "unchanged"] == [("schema", "published")]
    assert sorted((small.folder / "lake" / "pairs.lance" / "data").iterdir()) == data
    after = rows(small.open(), "pairs@latest")
    for sample, row in after.items():
        row["caption"] = row.pop("text")
        assert row == before[sample]
    assert len(small.calls()) == 4 and small.apply().changed is False
    assert set(rows(small.open(), "pairs@v2").popitem()[1]) == set(before.popitem()[1]), (
        "the old version has the old name"
    )
    assert "text" in rows(small.open(), "long@latest").popitem()[1], "what is selected from it follows"
    edit(small, (", renamed_from: caption", ""))
    assert not plan(small.open()).pending, "the line has done its work"


def test_a_renamed_column_in_a_predicate_changes_no_row_of_a_selection(small: Any) -> None:
    edit(
        small,
        ("inputs: {text: caption}}", "inputs: {text: caption}, outputs: {n_words: count}}"),
        ("n_words >= 2", "count >= 2"),
    )
    assert planned(small)[1][3] == "column n_words is renamed count; nothing is written or computed again"
    assert actions(small)["words"] == "nothing"
    small.apply()
    registry = small.open()
    assert registry.show("long@latest").rows == 4 and len(small.calls()) == 4
    assert {c.name: c.producer for c in registry.show("pairs@latest").columns}["count"] == "words"
    edit(small, ("n_words: count", "n_words: number"), ("count >= 2", "number >= 2"))
    small.apply()
    assert {c.name: c.producer for c in small.open().show("pairs@latest").columns}["number"] == "words"
    assert len(small.calls()) == 4 and small.apply().changed is False


def test_a_renamed_pass_keeps_what_it_has_made(small: Any, rows: Any) -> None:
    edit(small, ('words: {from: pairs, use: "counted:Words",', 'length: {from: pairs, use: "counted:Words", '
                 'renamed_from: words,'))  # fmt: skip
    assert planned(small)[1][:3] == ("~", "run", "pairs")
    assert planned(small)[1][3] == "pass words is renamed length; what it has made stays"
    assert actions(small)["length"] == "nothing"
    small.apply()
    registry = small.open()
    assert len(small.calls()) == 4 and "_mmreg_length" in rows(registry, "pairs@latest").popitem()[1]
    assert status(registry).passes[0].done == 4
    assert {c.name: c.producer for c in registry.show("pairs@latest").columns}["n_words"] == "length"
    assert small.apply().changed is False
    write(small, range(5))
    small.apply()
    assert len(small.calls()) == 5, "the new row alone"


def test_a_retyped_column_keeps_its_values_or_is_refused(small: Any, rows: Any) -> None:
    edit(small, ("width: {type: int}", "width: {type: float}"))
    assert planned(small)[0][3] == "column width becomes double, was int64"
    assert status(small.open()).passes[0].done == 4, "words does not read it"
    small.apply()
    assert sorted(row["width"] for row in rows(small.open(), "pairs@latest").values()) == [0.0, 10.0, 20.0, 30.0]
    assert small.apply().changed is False
    edit(small, ("caption: {type: text}", "caption: {type: int}"))
    with pytest.raises(UsageError, match=r"'caption' cannot change from string to int64: .*word"):
        small.apply()


def test_an_output_that_a_pass_makes_in_addition(small: Any, rows: Any) -> None:
    code = small.folder / "counted.py"
    brightness, _, words = code.read_text().partition("class Words")
    for old, new in (
        ('version = "1"', 'version = "2"'),
        ('[("n_words", pa.int32())]', '[("n_words", pa.int32()), ("n", pa.int8())]'),
        ('"n_words": counts,', '"n_words": counts, "n": pa.array([1] * len(texts), pa.int8()),'),
    ):
        assert old in words
        words = words.replace(old, new)
    code.write_text(f"{brightness}class Words{words}")
    script = """
        import mmreg
        registry = mmreg.Registry.open()
        print([(s.verb, s.name, s.action) for s in mmreg.plan(registry).steps])
        print(mmreg.status(registry).passes[0].blocked)
        mmreg.apply(registry)
        print(registry.show("pairs@latest").rows, [c.name for c in registry.show("pairs@latest").columns])
    """
    out, err = small.python(script).communicate()
    assert out.splitlines()[0].startswith("[('', 'pairs', 'nothing'), ('+', 'pairs', 'run'), ('', 'words', 'run')"), err
    assert out.splitlines()[1] == "waits for a change of the columns of pairs"
    assert {row["n"] for row in rows(small.open(), "pairs@latest").values()} == {1}


def test_what_is_declared_no_longer_is_kept_and_shown(small: Any, rows: Any) -> None:
    edit(small, ("      width: {type: int}\n", ""))
    file: Path = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().partition("passes:\n")[0])
    assert planned(small)[1:] == [
        ("-", "undeclared", "long", "dataset with 4 rows is declared no longer; kept: mmreg drop long"),
        ("-", "undeclared", "words", "pass with the columns n_words is declared no longer; kept: mmreg drop words"),
        ("-", "undeclared", "pairs:width", "column is declared no longer; kept: mmreg drop pairs:width"),
    ]
    small.apply()
    assert {"width", "n_words", "_mmreg_words"} <= set(rows(small.open(), "pairs@latest").popitem()[1])
    assert not plan(small.open()).pending
    assert [name for _, _, name, _ in planned(small, "pairs")] == ["pairs"], "a selected step is all that is shown"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("text: {type: text, renamed_from: caption}", "say what the source calls it now: 'field: caption'"),
        (
            "caption: {type: text}\n      text: {type: text, field: c, renamed_from: caption}",
            "'caption' is declared as well",
        ),
    ],
)
def test_a_new_name_that_leaves_a_question_is_refused(small: Any, new: str, said: str) -> None:
    edit(small, ("caption: {type: text}", new))
    with pytest.raises(SpecError, match=said):
        plan(small.open())


def test_a_crash_between_root_and_selection_is_mended(small: Any, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmreg.registry import evolve

    edit(small, ("caption: {type: text}", "text: {type: text, field: caption, renamed_from: caption}"),
         ("inputs: {text: caption}", "inputs: {text: text}"))  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(evolve, "repoint", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            small.apply()
    assert "caption" in rows(small.open(), "long@latest").popitem()[1]
    assert [f.code for f in small.open().doctor().findings if f.fixed] == ["derived_behind"]
    assert "text" in rows(small.open(), "long@latest").popitem()[1]
    assert small.open().doctor().findings == ()


def test_a_column_of_the_source_is_never_one_that_a_pass_has_made(small: Any, rows: Any) -> None:
    file: Path = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().partition("passes:\n")[0])
    edit(small, ("width: {type: int}", "width: {type: int}\n      n_words: {type: int, nullable: true}"))
    with pytest.raises(UsageError, match="the declared column 'n_words' is one that pass words has made"):
        small.apply("pairs")
    assert {row["n_words"] for row in rows(small.open(), "pairs@latest").values()} == {2, 3, 4, 5}


def test_a_pass_does_not_write_over_what_another_one_has_left(small: Any) -> None:
    edit(small, ('words: {from: pairs, use: "counted:Words",', 'other: {from: pairs, use: "counted:Words",'))
    with pytest.raises(
        UsageError, match="pass other: its output 'n_words' would be the column 'n_words', which pairs has"
    ):
        plan(small.open())


def test_what_somebody_else_has_changed_by_then_is_not_changed_twice(small: Any) -> None:
    edit(
        small,
        ("caption: {type: text}", "text: {type: text, field: caption, renamed_from: caption}"),
        ("inputs: {text: caption}", "inputs: {text: text}"),
    )
    registry = small.open()
    found = Evolutions(registry).of(Step("ingest", "pairs"))
    assert found is not None
    small.apply()
    assert evolve(registry, found) is None and len(small.open().log("pairs")) == 3
