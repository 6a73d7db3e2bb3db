"""Which samples a training saw: kept once by its digest, found again, cleaned by an erasure, kept by clean-up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.fsck.check import fsck
from mmreg.registry.gc.leftovers import of_lake
from mmreg.registry.gc.reach import reach
from mmreg.registry.lake import Lake
from mmreg.registry.row_sets import as_ids, get_rows, holds, put_rows, read_ids, rows_of
from mmreg.schemas.erasure import Asked, ErasureReport
from mmreg.schemas.training import trained_on

YEAR_S = 365 * 86_400.0
SAMPLES = st.lists(st.binary(min_size=16, max_size=16), max_size=50)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.create(str(tmp_path_factory.mktemp("lake")), {})


@given(samples=SAMPLES, other=st.binary(min_size=16, max_size=16))
def test_a_set_is_what_was_put_whatever_the_order(lake: Lake, samples: list[bytes], other: bytes) -> None:
    digest = put_rows(lake.store, as_ids(samples))
    assert put_rows(lake.store, as_ids([sample.hex() for sample in reversed(samples)] + samples[:1])) == digest
    found = get_rows(lake.store, digest)
    assert [bytes(one) for one in found] == sorted(set(samples))
    assert all(holds(found, sample) for sample in samples)
    assert holds(found, other) == (other in samples)


def test_ids_as_people_have_them(tmp_path: Path) -> None:
    raw = [bytes([n]) * 16 for n in (3, 1, 2)]
    text = tmp_path / "rows.txt"
    text.write_text("".join(f"{one.hex()}\n" for one in raw))
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3], "sample_id": pa.array(raw, pa.binary(16))}), table)
    for found in (read_ids(text), read_ids(table), as_ids(pa.chunked_array([pa.array(raw, pa.binary(16))]))):
        assert [bytes(one) for one in found] == raw
    assert as_ids(pa.array([raw[0].hex()])) == as_ids(raw[:1])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", b"zz\n", "is no sample id"),
        ("rows.txt", "größe\n".encode(), "is no list of sample ids"),
        ("rows.parquet", b"PAR1", "is no list of sample ids"),
    ],
)
def test_what_is_no_list_of_ids(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_ids(tmp_path / name)


def test_a_list_that_is_not_there_or_has_other_columns(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        read_ids(tmp_path / "rows.txt")
    pq.write_table(pa.table({"id": [1]}), tmp_path / "rows.parquet")
    with pytest.raises(UsageError, match="has no column 'sample_id'"):
        read_ids(tmp_path / "rows.parquet")
    with pytest.raises(UsageError, match="None is no sample id"):
        as_ids(pa.array([None], pa.binary(16)))


def test_what_a_training_saw(notes: Any, weights: Callable[..., Path], ids: Callable[..., list[str]]) -> None:
    registry = notes.open()
    first, rest = ids("kept@v1", "n < 5"), ids("kept@v1", "n >= 5")
    with registry.training("net", ["kept@v1"]) as job:
        for batch in job.open("kept").batches(["sample_id"], where="n < 5", batch_size=2):
            job.saw(batch.column("sample_id"))
        job.saw(first[:1])
        job.save(weights("net", w=1))
    (data,) = trained_on(job.run)
    assert (data.ref, data.count, data.rows is not None) == ("kept@v1", 3, True)
    assert [bytes(one).hex() for one in rows_of(registry, data)] == sorted(first)

    with registry.training("all", ["kept@v1"]) as job:
        job.saw(first)
        job.saw(rest)
        job.save(weights("all", w=2))
    (data,) = trained_on(job.run)
    assert (data.rows, data.count) == (None, 18), "all of them need no object"
    assert [bytes(one).hex() for one in rows_of(registry, data)] == sorted([*first, *rest])


def test_a_sample_of_elsewhere_is_refused_at_once(notes: Any, ids: Callable[..., list[str]]) -> None:
    registry = notes.open()
    strange, known = ids("notes@v1", "n = 1"), ids("kept@v1")
    said = rf"1 of 19 samples are not in kept@v1; the first is {strange[0]}"
    with pytest.raises(UsageError, match=said), registry.training("net", ["kept@v1"]) as job:
        job.saw([*known, *strange])
    with (
        pytest.raises(UsageError, match=r"which of kept@v1, notes@v1 \(text\)\?"),
        registry.training("net", TWO) as job,
    ):
        job.saw(known)
    with pytest.raises(NotFound, match="was not started with 'vision'"), registry.training("net", TWO) as job:
        job.saw(known, "vision")
    assert [run.state for run in registry.runs("training")] == ["failed", "failed", "failed"]


TWO = ["kept@v1", "notes@v1,component=text"]


def test_an_erasure_takes_a_sample_out_of_row_sets(
    notes: Any, weights: Callable[..., Path], ids: Callable[..., list[str]]
) -> None:
    registry = notes.open()
    chosen = ids("kept@v1", "n IN (3, 4, 5)")
    gone, *stay = sorted(chosen)
    seen = registry.train_record("seen", ["kept@v1"], weights("seen", w=1), rows={None: chosen})
    other = registry.train_record("other", ["kept@v1"], weights("other", w=2), rows={None: stay})
    (data,) = trained_on(seen)
    key = f"_mmreg/objects/{data.rows[:2]}/{data.rows}"
    plan = registry.erase_plan(Asked("notes", ids=(gone,)))
    assert [(one.place, one.what) for one in plan.beside if one.what != "decisions"] == [
        (key, "1 samples that a training saw")
    ]
    assert [model.ref.partition("@")[0] for model in plan.models] == ["seen"], "the other one never saw it"

    done = registry.erase(Asked("notes", ids=(gone,)))
    assert isinstance(done, ErasureReport) and done.ok
    registry = notes.open()
    assert registry.lake.store.get(key) is None
    assert [bytes(one).hex() for one in get_rows(registry.lake.store, data.rows)] == stay
    assert fsck(registry).ok
    assert [bytes(one).hex() for one in get_rows(registry.lake.store, trained_on(other)[0].rows)] == stay

    registry.erase(Asked("notes", ids=(stay[0],)))
    assert [bytes(one).hex() for one in get_rows(notes.open().lake.store, data.rows)] == stay[1:]


def test_clean_up_keeps_row_sets_and_fsck_misses_a_lost_one(
    notes: Any, weights: Callable[..., Path], ids: Callable[..., list[str]]
) -> None:
    registry = notes.open()
    run = registry.train_record("net", ["kept@v1"], weights("net", w=1), rows={None: ids("kept@v1")[:2]})
    digest = trained_on(run)[0].rows
    stray = put_rows(registry.lake.store, as_ids([b"s" * 16]))
    later = max(entry.modified for entry in registry.lake.store.scan("_mmreg")) + YEAR_S
    left = {key for each in of_lake(registry, reach(registry, later), later) for key in each.keys}
    assert {key for key in left if "/objects/" in key} == {f"_mmreg/objects/{stray[:2]}/{stray}"}
    registry.lake.store.delete(f"_mmreg/objects/{digest[:2]}/{digest}")
    assert [damage.kind for damage in fsck(registry).damages] == ["object"]


def test_an_object_that_is_no_set(lake: Lake) -> None:
    from mmreg.registry.objects import put_object

    with pytest.raises(IntegrityError, match="is no set of samples: 3 bytes"):
        get_rows(lake.store, put_object(lake.store, b"abc"))
    assert len(get_rows(lake.store, put_rows(lake.store, np.empty(0, "V16")))) == 0
