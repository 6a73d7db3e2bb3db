"""Reading a version: exact, in order, by column, predicate and split; the same through row ids and through a scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mmreg.errors import FilterError, NotFound, StorageError
from mmreg.registry import part

REFERENCED = """
version: 1
project: referenced
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image, storage: reference}}
      caption: {{type: text, nullable: true}}
passes:
  light: {{from: pairs, use: "counted:Brightness", inputs: {{image: image}}}}
checks:
  pairs:
    - {{check: image_decodes, column: image}}
"""


def test_a_version_reads_the_same_after_later_ones(project: Callable[..., Any], rows: Any) -> None:
    small = project()
    small.apply("pairs")
    before = rows(small.open(), "pairs@v1")
    small.draw("001", "changed")
    small.erase("002")
    small.apply()
    assert rows(small.open(), "pairs@v1") == before


def test_a_selection_reads_alike_by_row_id_and_by_scan(
    project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = project(images=9)
    small.apply()
    reader = small.open().open_version("train@latest")
    by_share = []
    for share in (0.0, 1.1):
        monkeypatch.setattr(part, "SPARSE", share)  # first a scan with a mask, then by row id
        by_share.append(reader.to_arrow(["caption", "n_words", "image"]))
    assert by_share[0].equals(by_share[1])
    assert by_share[0]["n_words"].to_pylist() == [3] * 6


def test_splits_are_disjoint_and_cover_the_selection(project: Callable[..., Any]) -> None:
    small = project(images=12)
    small.apply()
    registry = small.open()
    whole = registry.open_version("splits@latest")
    parts = [registry.open_version("splits@latest", split) for split in ("train", "test")]
    ids = [set(part.row_ids().tolist()) for part in parts]
    assert ids[0].isdisjoint(ids[1])
    assert ids[0] | ids[1] == set(whole.row_ids().tolist())
    assert {name: len(i) for name, i in zip(("train", "test"), ids, strict=True)} == registry.show("splits").splits
    with pytest.raises(NotFound, match=r"splits has no split 'dev' \(its splits: train, test\)"):
        len(registry.open_version("splits@latest", "dev"))


def test_predicates_limits_and_nested_columns(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    registry = small.open()
    reader = registry.open_version("pairs@latest")
    table = reader.to_arrow(["image.width", "n_words"], where="n_words >= 2 AND image.width = 24", limit=3)
    assert table.schema.names == ["image.width", "n_words"]
    assert table.num_rows == 3
    assert reader.to_arrow(["caption"], where="n_words > 99").num_rows == 0
    with pytest.raises(FilterError, match=r"no column 'captoin'. Did you mean 'caption'\?"):
        reader.to_arrow(["captoin"])


def test_batches_stay_within_their_rows(project: Callable[..., Any]) -> None:
    small = project(images=9)
    small.apply("pairs")
    sizes = [b.num_rows for b in small.open().open_version("pairs@latest").batches(["caption"], batch_size=4)]
    assert max(sizes) <= 4
    assert sum(sizes) == 9


def test_media_by_reference_are_read_where_they_lie(project: Callable[..., Any]) -> None:
    small = project(declaration=REFERENCED)
    small.apply()
    registry = small.open()
    cells = registry.open_version("pairs@latest").to_arrow(["image"])["image"].to_pylist()
    assert [cell["bytes"] for cell in cells] == [(small.folder / "images" / cell["uri"]).read_bytes() for cell in cells]
    stored = registry.lake.table("pairs").to_table(columns=["image"])["image"].to_pylist()
    assert all(cell["bytes"] is None and cell["sha256"] for cell in stored)
    assert registry.open_version("pairs@latest").to_arrow(["brightness"])["brightness"].null_count == 0


def test_a_reference_that_is_gone_fails_its_row_alone(project: Callable[..., Any]) -> None:
    small = project(declaration=REFERENCED)
    small.apply("pairs")
    registry = small.open()
    (small.folder / "images" / "003.png").unlink()
    with pytest.raises(StorageError, match=r"003\.png: No such file"):
        registry.open_version("pairs@latest").to_arrow(["image"])
    (report,) = registry.validate("pairs")
    assert [(r.failed, r.examined) for r in report.results] == [(1, 6)]


def test_a_torch_dataset_yields_the_same_rows(project: Callable[..., Any]) -> None:
    small = project(images=7)
    small.apply("pairs")
    reader = small.open().open_version("pairs@latest")
    dataset = reader.torch(["caption"], batch_size=3)
    assert len(dataset) == 3
    assert pa.Table.from_batches(list(dataset)).equals(reader.to_arrow(["caption"]))


def test_workers_of_a_loader_share_the_batches(project: Callable[..., Any]) -> None:
    small = project(images=7)
    small.apply("pairs")
    (small.folder / "load.py").write_text(
        "import mmreg\n"
        "from torch.utils.data import DataLoader\n"
        "if __name__ == '__main__':\n"
        "    data = mmreg.open('pairs').torch(['caption'], batch_size=2)\n"
        "    loader = DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context='spawn')\n"
        "    print(sorted(text for batch in loader for text in batch.column('caption').to_pylist()))\n"
    )
    out, err = small.python("import runpy; runpy.run_path('load.py', run_name='__main__')").communicate()
    expected = small.open().open_version("pairs").to_arrow(["caption"])["caption"].to_pylist()
    assert out.strip() == str(sorted(expected)), err
