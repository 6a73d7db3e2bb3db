"""Which rows are pending, and why: by recipe, by inputs, and by what others have written over a pass's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lance
import pyarrow as pa
import pytest

from mmreg.curation.bind import bind
from mmreg.curation.freshness import Freshness
from mmreg.curation.plan import pass_freshness
from mmreg.schemas.refs import VersionRef


def fresh(small: Any, name: str = "words") -> Freshness:
    registry = small.open()
    return pass_freshness(registry, bind(registry, name))


def table(small: Any) -> lance.LanceDataset:
    return lance.dataset(str(small.folder / "lake" / "pairs.lance"))


def declare(small: Any, **keys: str) -> None:
    """Give the pass ``words`` more keys, in the place of those of the same name."""
    file = small.folder / "mmreg.yaml"
    lines = file.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip().startswith("words:"))
    added = "".join(f", {name}: {value}" for name, value in keys.items())
    lines[place] = f'  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}{added}}}'
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    made = project(images=6)
    declare(made, max_error_rate="1")
    made.apply("pairs", "words")
    assert fresh(made).rows == 0
    return made


def test_a_cell_that_plain_lance_has_overwritten_is_seen_and_put_right(small: Any) -> None:
    table(small).update({"n_words": "99"}, where="caption = 'picture number 1'")
    found = fresh(small)
    assert (found.rows, found.overwritten, found.missing, found.stale, found.done) == (1, 1, 0, 0, 5)
    assert found.reasons() == {"missing": 0, "stale": 0, "overwritten": 1}
    calls = len(small.calls())
    small.apply("words")
    assert len(small.calls()) == calls, "what the pass had answered is still stored"
    assert fresh(small).rows == 0
    counts = small.open().query("pairs@latest", where="caption = 'picture number 1'", columns=["n_words"])
    assert [row["n_words"] for row in counts] == [3]


def test_an_error_written_over_is_seen_too(small: Any) -> None:
    small.draw("silent", None)
    small.apply("pairs", "words")
    assert (fresh(small).failed, fresh(small).rows) == (1, 0)
    table(small).update({"n_words": "0"}, where="caption IS NULL")
    assert fresh(small).overwritten == 1


def test_a_value_appended_without_its_pass_is_no_answer_of_it(small: Any) -> None:
    row = table(small).to_table(limit=1).drop_columns(["_mmreg_words"])
    ids = pa.array([b"\x01" * 16], pa.binary(16))
    foreign = row.set_column(row.schema.get_field_index("sample_id"), row.schema.field("sample_id"), ids)
    lance.write_dataset(foreign, table(small).uri, mode="append")
    found = fresh(small)
    assert (found.overwritten, found.missing, found.stale) == (1, 0, 0)


def test_foreign_changes_of_other_columns_leave_nothing_to_do(small: Any) -> None:
    table(small).add_columns({"twice": "n_words * 2"})
    table(small).update({"twice": "0"}, where="n_words = 3")
    table(small).optimize.compact_files()
    assert fresh(small).rows == 0


def test_single_generation_refuses_what_was_overwritten(small: Any) -> None:
    file = small.folder / "mmreg.yaml"
    checks = "checks:\n  pairs:\n    - {check: lineage.single_generation, column: n_words}\n"
    file.write_text(file.read_text().partition("checks:")[0] + checks)
    assert small.open().validate(VersionRef("pairs"))[0].ok
    table(small).update({"n_words": "99"}, where="caption = 'picture number 1'")
    small.draw("later", "a later picture")
    small.apply("pairs")  # the foreign change is no version; the next one has it
    (report,) = small.open().validate(VersionRef("pairs"))
    assert not report.ok
    assert "1 never computed, 1 overwritten since" in report.results[0].message
    small.apply("words")
    assert small.open().validate(VersionRef("pairs"))[0].ok
