"""Media cells get their bytes wherever they are: in the lake or by reference, alone or in a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmreg.errors import StorageError
from mmreg.registry.media import with_bytes
from mmreg.schemas.arrow import media_type

IMAGE = media_type("image")


def inline(data: bytes) -> dict[str, Any]:
    return {"bytes": data}


def reference(uri: str, offset: int | None = None, length: int | None = None) -> dict[str, Any]:
    return {"uri": uri, "offset": offset, "length": length}


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    return str(tmp_path)


def filled(root: str | None, images: list[Any], lists: list[Any], start: int = 0, **how: bool) -> pa.RecordBatch:
    columns = {"image": pa.array(images, IMAGE), "images": pa.array(lists, pa.list_(IMAGE))}
    return with_bytes(pa.record_batch(columns).slice(start), root, **how)


def bytes_of(column: Any) -> list[Any]:
    if pa.types.is_list(column.type):
        return [None if row is None else [cell and cell["bytes"] for cell in row] for row in column.to_pylist()]
    return [cell and cell["bytes"] for cell in column.to_pylist()]


@pytest.mark.parametrize("start", [0, 1, 3])
def test_alone_and_in_lists(root: str, start: int) -> None:
    images = [reference("a.bin"), None, inline(b"here"), reference("a.bin", 2, 3)]
    lists = [[inline(b"x"), reference("a.bin", 8)], None, [], [None, reference("a.bin", 0, 1)]]
    batch = filled(root, images, lists, start)
    assert bytes_of(batch.column("image")) == [b"0123456789", None, b"here", b"234"][start:]
    assert bytes_of(batch.column("images")) == [[b"x", b"89"], None, [], [None, b"0"]][start:]
    assert batch.schema.field("images").type == pa.list_(IMAGE)


def test_a_reference_that_leads_nowhere(root: str) -> None:
    lists = [[reference("gone.bin")], [inline(b"x")]]
    with pytest.raises(StorageError, match=r"gone\.bin: No such file"):
        filled(root, [None, None], lists)
    assert bytes_of(filled(root, [None, None], lists, tolerant=True).column("images")) == [[None], [b"x"]]
