"""dedup: what is the same, which one is kept, and that an update says what computing all anew would say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import networkx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmreg.curation.dedup import Dedup
from mmreg.curation.protocol import Recipe, Updating
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type

TYPES = {"content": pa.string(), "hash": pa.uint64(), "prefer": pa.int64()}


def batch(rows: Sequence[dict[str, Any]], columns: Sequence[str] = ("content", "hash", "prefer")) -> pa.RecordBatch:
    """Rows as the engine hands them over: by sample id."""
    rows = sorted(rows, key=lambda row: row["id"])
    arrays: dict[str, pa.Array[Any]] = {"sample_id": pa.array([row["id"] for row in rows], pa.binary(16))}
    for name in columns:
        arrays[name] = pa.array([row.get(name) for row in rows], TYPES[name])
    return pa.record_batch(arrays)


def dedup(distance: int = 4, columns: Sequence[str] = ("content", "hash", "prefer")) -> Dedup:
    made = Dedup(Recipe(params={"max_distance": distance}, columns={name: name for name in columns}))
    made.open()
    return made


def sample(number: int, **cells: Any) -> dict[str, Any]:
    return {"id": number.to_bytes(16, "big"), **cells}


def by_number(answer: pa.RecordBatch, rows: pa.RecordBatch) -> dict[int, dict[str, Any]]:
    ids = [int.from_bytes(i, "big") for i in rows.column("sample_id").to_pylist()]
    found = dict(zip(ids, answer.to_pylist(), strict=True))
    for row in found.values():
        group = row.pop("dedup_group")
        row["group"] = None if group is None else int.from_bytes(group, "big")
    return found


def test_exact_near_and_linked_duplicates_with_their_reasons() -> None:
    rows = batch(
        [
            sample(1, content="a", hash=0, prefer=5),
            sample(2, content="a", hash=None, prefer=9),
            sample(3, content="b", hash=0b111, prefer=1),
            sample(4, content="c", hash=2**64 - 1, prefer=1),
            sample(5, content=None, hash=0b11_1110, prefer=None),
        ]
    )
    found = by_number(dedup()(rows), rows)
    kept = f"{2:032x}"
    assert found == {
        1: {"group": 2, "dedup_size": 4, "dedup_kept": False, "dedup_reason": f"exact_duplicate: of {kept}",
            "error": None},
        2: {"group": 2, "dedup_size": 4, "dedup_kept": True, "dedup_reason": None, "error": None},
        3: {"group": 2, "dedup_size": 4, "dedup_kept": False,
            "dedup_reason": f"linked_duplicate: of {kept}, through others of the group", "error": None},
        4: {"group": None, "dedup_size": 1, "dedup_kept": True, "dedup_reason": None, "error": None},
        5: {"group": 2, "dedup_size": 4, "dedup_kept": False,
            "dedup_reason": f"linked_duplicate: of {kept}, through others of the group", "error": None},
    }  # fmt: skip


def test_a_near_duplicate_tells_how_many_bits_differ_and_the_smallest_id_is_kept() -> None:
    rows = batch([sample(7, hash=0b101), sample(3, hash=0b1)], ["hash"])
    found = by_number(dedup(columns=["hash"])(rows), rows)
    assert found[3]["dedup_kept"] and not found[7]["dedup_kept"]
    assert found[7]["dedup_reason"] == f"near_duplicate: of {3:032x}, 1 of 64 bits differ"
    rows = batch([sample(7, hash=0b101), sample(3, hash=0b1)], ["hash"])
    assert [row["dedup_size"] for row in dedup(0, ["hash"])(rows).to_pylist()] == [1, 1]


def test_images_count_by_their_digests_and_the_one_with_most_pixels_is_kept() -> None:
    cells = [
        {"sha256": bytes([digest]) * 32, "width": width, "height": 10} for digest, width in ((1, 5), (1, 8), (2, 99))
    ]
    images = pa.array(cells, media_type("image"))
    ids = pa.array([bytes([n]) * 16 for n in (1, 2, 3)], pa.binary(16))
    answer = dedup(columns=["content", "prefer"])(
        pa.record_batch({"sample_id": ids, "content": images, "prefer": images})
    )
    assert answer.column("dedup_kept").to_pylist() == [False, True, True]
    assert answer.column("dedup_group").to_pylist() == [bytes([2]) * 16, bytes([2]) * 16, None]


def test_a_row_with_nothing_to_compare_is_an_error_and_joins_nobody() -> None:
    rows = batch([sample(1), sample(2), sample(3, content="a")])
    found = by_number(dedup()(rows), rows)
    assert found[1] == {
        "group": None, "dedup_size": None, "dedup_kept": None, "dedup_reason": None,
        "error": "null_value: nothing to compare",
    }  # fmt: skip
    assert found[2]["error"] and not found[3]["error"]


def test_lists_are_content_too() -> None:
    lists = pa.array([["a", "b"], ["a"], ["a", "b"]], pa.list_(pa.string()))
    ids = pa.array([bytes([n]) * 16 for n in (1, 2, 3)], pa.binary(16))
    answer = dedup(columns=["content"])(pa.record_batch({"sample_id": ids, "content": lists}))
    assert answer.column("dedup_size").to_pylist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("columns", "params", "message"),
    [
        ({"prefer": "width"}, {}, "say which columns"),
        ({"hash": "phash"}, {"max_distance": 13}, "must be 0 to 12"),
        ({"hash": "phash"}, {"distance": 3}, "no param 'distance'"),
    ],
)
def test_what_makes_no_sense_is_refused(columns: dict[str, str], params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Dedup(Recipe(params=params, columns=columns))


def test_inputs_of_other_types_are_refused() -> None:
    ids = pa.array([b"1" * 16], pa.binary(16))
    with pytest.raises(UsageError, match="'hash' is string, where 64-bit hashes are due"):
        dedup()(pa.record_batch({"sample_id": ids, "hash": pa.array(["ff"])}))
    with pytest.raises(UsageError, match="'prefer' is string, where a number or an image is due"):
        dedup()(pa.record_batch({"sample_id": ids, "content": pa.array(["a"]), "prefer": pa.array(["big"])}))


cells = st.fixed_dictionaries(
    {
        "content": st.sampled_from(["a", "b", "c", None]) | st.text(max_size=2),
        "hash": st.none() | st.integers(0, 2**8 - 1),
        "prefer": st.none() | st.integers(0, 3),
    }
)
tables = st.dictionaries(st.integers(0, 40), cells, min_size=1, max_size=25)


@given(tables, st.integers(0, 3))
def test_groups_are_what_hangs_together(table: dict[int, dict[str, Any]], distance: int) -> None:
    rows = batch([sample(number, **row) for number, row in table.items()])
    found = by_number(dedup(distance)(rows), rows)
    graph = networkx.Graph()
    compared = {n: row for n, row in table.items() if row["content"] is not None or row["hash"] is not None}
    graph.add_nodes_from(compared)
    for a, one in compared.items():
        for b, other in compared.items():
            same = one["content"] is not None and one["content"] == other["content"]
            near = None not in (one["hash"], other["hash"]) and (one["hash"] ^ other["hash"]).bit_count() <= distance
            if same or near:
                graph.add_edge(a, b)
    for part in networkx.connected_components(graph):
        best = min(part, key=lambda n: (-(-1 if table[n]["prefer"] is None else table[n]["prefer"]), n))
        assert {found[n]["group"] for n in part} == {best if len(part) > 1 else None}
        assert {found[n]["dedup_size"] for n in part} == {len(part)}
        assert [n for n in part if found[n]["dedup_kept"]] == [best]
        assert {n for n in part if found[n]["dedup_reason"] is None} == {best}


@given(tables, tables, st.sets(st.integers(0, 40)), st.integers(0, 3))
def test_an_update_says_what_a_call_says(
    before: dict[int, dict[str, Any]], added: dict[int, dict[str, Any]], gone: set[int], distance: int
) -> None:
    """Rows came, went and changed."""
    operator = dedup(distance)
    assert isinstance(operator, Updating)
    old_rows = batch([sample(number, **row) for number, row in before.items()])
    old = dict(zip(old_rows.column("sample_id").to_pylist(), operator(old_rows).to_pylist(), strict=True))
    now = {number: row for number, row in {**before, **added}.items() if number not in gone}
    if not now:
        return
    rows = batch([sample(number, **row) for number, row in now.items()])
    same = [number.to_bytes(16, "big") for number in now if before.get(number) == now[number]]
    answers = [old[i] if i in same else {} for i in rows.column("sample_id").to_pylist()]
    known = pa.RecordBatch.from_pylist(
        [{**answer, "known": bool(answer)} for answer in answers],
        pa.schema([*operator.outputs(), pa.field("known", pa.bool_())]),
    )
    assert operator.update(rows, known).to_pylist() == operator(rows).to_pylist()


def test_a_hundred_thousand_blank_images_are_one_group() -> None:
    """Equal hashes are compared once, not with each other."""
    n = 100_000
    ids = pa.array([number.to_bytes(16, "big") for number in range(n)], pa.binary(16))
    rows = pa.record_batch({"sample_id": ids, "hash": pa.array([5] * n, pa.uint64())})
    answer = dedup(8, ["hash"])(rows)
    assert set(answer.column("dedup_size").to_pylist()) == {n}
    assert sum(answer.column("dedup_kept").to_pylist()) == 1


DECLARATION = """
version: 1
project: doubles
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  stats:  {{from: pairs, use: image_stats, inputs: {{image: image}}}}
  dedup:
    {{from: pairs, use: dedup, inputs: {{content: image, hash: phash, prefer: image}}, params: {{max_distance: 3}}}}
  unique: {{from: pairs, into: unique, use: filter, where: "dedup_kept"}}
"""


def test_duplicates_among_pictures_and_appended_ones(
    project: Callable[..., Any], scene: Callable[..., Image.Image]
) -> None:
    """The same file twice, the same picture in half its size, and others; then one more copy of one."""
    small = project(images=0, declaration=DECLARATION)

    def put(name: str, image: Image.Image, **options: Any) -> None:
        image.save(small.folder / "images" / name, **options)
        (small.folder / "images" / name).with_suffix(".txt").write_text(name)

    put("a.png", scene(1))
    put("again.png", scene(1))
    put("half.jpg", scene(1).resize((80, 60)), quality=92)
    put("b.png", scene(2))
    small.apply()

    def groups() -> dict[str, tuple[int, bool]]:
        found = small.open().query("pairs@latest", columns=["caption", "dedup_size", "dedup_kept"])
        return {row["caption"]: (row["dedup_size"], row["dedup_kept"]) for row in found}

    def unique() -> set[str]:
        return {row["caption"] for row in small.open().query("unique@latest", columns=["caption"])}

    found = groups()
    assert {name: size for name, (size, _) in found.items()} == {"a.png": 3, "again.png": 3, "half.jpg": 3, "b.png": 1}
    [kept] = [name for name, (size, keeps) in found.items() if keeps and size == 3]
    assert kept in ("a.png", "again.png")
    assert unique() == {kept, "b.png"}
    put("large.png", scene(2).resize((320, 240)))
    report = {step.name: step for step in small.apply().steps}
    assert report["dedup"].computed == 5
    assert groups()["b.png"] == (2, False) and groups()["large.png"] == (2, True)
    assert unique() == {kept, "large.png"}
    assert {step.outcome for step in small.apply().steps} == {"unchanged"}
    reasons = {row["caption"]: row["dedup_reason"] for row in small.open().query("pairs@latest")}
    assert reasons["b.png"].startswith("near_duplicate: of ") and reasons["large.png"] is None


def test_no_duplicate_among_many_is_no_sick_answer(project: Callable[..., Any]) -> None:
    only = DECLARATION[: DECLARATION.index("  stats:")].replace("{{", "{").replace("}}", "}")
    named = "  dedup: {from: pairs, use: dedup, inputs: {content: caption}}\n"
    small = project(
        images=0, declaration=(only + named).replace("{", "{{").replace("}", "}}").replace("{{lake}}", "{lake}")
    )
    for number in range(101):
        small.draw(f"{number}", f"caption {number}", seed=0)
    report = {step.name: step for step in small.apply().steps}
    assert (report["dedup"].outcome, report["dedup"].computed) == ("published", 101)
