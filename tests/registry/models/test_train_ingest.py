"""Files of trainings that had no access: recorded once by their content, as if they had run here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import IntegrityError, MmregError, NotFound, SpecError
from mmreg.registry.row_sets import get_rows
from mmreg.schemas.run import Run
from mmreg.schemas.training import trained_on

SHA = "ab" * 32
WHOLE = {
    "mmreg_training": 1,
    "name": "far",
    "data": [{"ref": "kept@v1", "weight": 1}],
    "model": "net",
    "sha256": SHA,
    "framework": "torch",
    "license": "mit",
    "alias": "best",
    "seed": 3,
    "params": {"lr": 0.1},
    "samples_seen": 640,
    "parameters": 12,
    "metrics": {"loss": 1},
    "cost": {"gpu_s": 3600, "money": 2.5, "currency": "EUR"},
    "started_at": "2026-01-31T12:00:00+01:00",
    "ended_at": "2026-01-31T13:00:00+01:00",
}
Told = Callable[..., Path]


@pytest.fixture
def told(notes: Any) -> Told:
    """Write a file that says `WHOLE` with other things in it; None leaves one out."""

    def write(name: str = "job/training.json", /, **other: Any) -> Path:
        file: Path = notes.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        said = {key: value for key, value in {**WHOLE, **other}.items() if value is not None}
        file.write_text(json.dumps(said))
        return file

    return write


def recorded(registry: Any, *files: Path) -> Run:
    (run,) = {run.id: run for run in registry.train_ingest(files)}.values()
    return run


def test_a_file_is_recorded_once_with_all_that_it_says(notes: Any, told: Told, tmp_path: Path) -> None:
    registry = notes.open()
    copy = tmp_path / "copy.json"
    copy.write_bytes(told().read_bytes())
    run = recorded(registry, told(), told(), copy)
    assert len(registry.runs("training")) == 1
    assert (run.started_at, run.ended_at) == ("2026-01-31T11:00:00.000000Z", "2026-01-31T12:00:00.000000Z")
    assert run.id.startswith("20260131T120000.000000Z-")
    (data,) = trained_on(run)
    assert (data.ref, data.weight, data.rows, data.count) == ("kept@v1", 1.0, None, 18)
    training = run.facets["training"]
    assert {key: training[key] for key in ("seed", "params", "samples_seen", "parameters")} == {
        "seed": 3, "params": {"lr": 0.1}, "samples_seen": 640, "parameters": 12,
    }  # fmt: skip
    assert run.facets["cost"] == {"gpu_s": 3600, "money": 2.5, "currency": "EUR"}
    assert run.facets["metrics"] == {SHA: {"loss": 1.0}}
    model = registry.model("net@best")
    assert (model.digest, model.license, model.framework, model.path) == (SHA, "mit", "torch", None)
    assert any(edge.kind == "trained_on" for edge in registry.lineage("model:net").edges)
    registry.rebuild()
    assert len(notes.open().runs("training")) == 1
    assert recorded(notes.open(), copy).id == run.id, "also known to an index that was made again"


def test_a_version_by_its_uuid_and_rows_beside(notes: Any, told: Told, ids: Callable[..., list[str]]) -> None:
    registry = notes.open()
    uuid = registry.show("splits@v1").uuid
    train = [
        row["sample_id"] for row in registry.open_version("splits@v1", "train").to_arrow(["sample_id"]).to_pylist()
    ]
    (notes.folder / "job").mkdir()
    (notes.folder / "job" / "rows.txt").write_text("\n".join(one.hex() for one in train[:2]))
    data = [
        {"uuid": uuid, "split": "train", "rows": "rows.txt", "component": "text"},
        {"ref": "notes@v1", "uuid": None},
    ]
    run = recorded(registry, told(data=data))
    first, second = trained_on(run)
    assert (first.ref, first.uuid, first.split, first.component, first.count) == ("splits@v1", uuid, "train", "text", 2)
    assert [bytes(one) for one in get_rows(registry.lake.store, str(first.rows))] == sorted(train[:2])
    assert (second.ref, second.rows, second.count) == ("notes@v1", None, 20)


def test_weights_beside_the_file(notes: Any, told: Told, weights: Callable[..., Path]) -> None:
    registry = notes.open()
    there = weights("job/w", vision_tower__b=1, language_model__x=2)
    digest = registry.model_add(there, "same").digest
    run = recorded(
        registry, told(checkpoint="w", sha256=digest, init_from="same", components={"text": {"stage": "rl"}})
    )
    (made,) = run.checkpoints
    assert (made["digest"], made["path"]) == (digest, "job/w")
    assert {part["name"]: part["stage"] for part in made["components"]} == {"vision": None, "text": "rl"}
    with pytest.raises(IntegrityError, match="holds other weights"):
        recorded(registry, told(checkpoint="w"))
    assert recorded(registry, told(checkpoint="gone")).checkpoints[0]["digest"] == SHA, "the digest is enough"
    with pytest.raises(NotFound, match="there are no weights"):
        recorded(registry, told(checkpoint="gone", sha256=None))


@pytest.mark.parametrize(
    ("other", "error", "said"),
    [
        ({"dta": []}, SpecError, "no key 'dta'; did you mean 'data'"),
        ({"data": [{"ref": "kept@v1", "rwos": "x"}]}, SpecError, r"no key 'data\.0\.rwos'; did you mean 'rows'"),
        ({"data": []}, SpecError, "data: "),
        ({"data": [{}]}, SpecError, r"data\.0: a version needs its 'ref' or its 'uuid'"),
        ({"mmreg_training": 2}, SpecError, "mmreg_training: "),
        ({"sha256": None}, SpecError, "the weights need a 'checkpoint'"),
        ({"sha256": "x"}, SpecError, "sha256: "),
        ({"ended_at": "2026-01-31T12:00:00"}, SpecError, "ended_at: a time needs its zone"),
        ({"cost": {"gpus": 1}}, MmregError, "no run costs 'gpus'; did you mean 'gpu_s'"),
        ({"data": [{"ref": "kpt@v1"}]}, NotFound, "did you mean 'kept'"),
        ({"data": [{"ref": "kept@v1", "split": "train"}]}, NotFound, "kept has no split 'train'"),
        ({"data": [{"uuid": "00000000-0000-0000-0000-000000000000"}]}, NotFound, "no version 0000"),
        ({"data": [{"ref": "kept@v1", "rows": "rows.txt"}]}, NotFound, "there is no file"),
        ({"init_from": "base"}, NotFound, "no model 'base'"),
    ],
)
def test_what_is_no_such_file_records_nothing(
    notes: Any, told: Told, other: dict[str, Any], error: type[MmregError], said: str
) -> None:
    registry = notes.open()
    with pytest.raises(error, match=said):
        registry.train_ingest([told(**other)])
    assert registry.runs("training") == []


def test_a_ref_that_means_another_version_by_now(notes: Any, told: Told) -> None:
    registry = notes.open()
    data = [{"ref": "notes@v1", "uuid": registry.show("kept@v1").uuid}]
    with pytest.raises(IntegrityError, match=r"notes@v1 is not the version .*, which is kept@v1"):
        registry.train_ingest([told(data=data)])


@pytest.mark.parametrize(
    ("content", "said"), [(b"{", "is no JSON"), (b"\xff", "is no text"), (b"[]", "valid dictionary")]
)
def test_files_of_other_kinds(notes: Any, content: bytes, said: str) -> None:
    file = notes.folder / "training.json"
    file.write_bytes(content)
    with pytest.raises(MmregError, match=said):
        notes.open().train_ingest([file])
    with pytest.raises(NotFound, match="No such file"):
        notes.open().train_ingest([notes.folder / "gone.json"])
