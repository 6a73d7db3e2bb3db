"""Lance and Parquet files of strangers with bytes changed at random: rows, reasons or one error of ours, never a crash.

In a process of its own: what panics or aborts in a library would end this one.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import lance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SEED = 11
DAMAGES = int(os.environ.get("MMREG_STEPS", "25"))
READ = """
import sys
from pathlib import Path
from mmreg.errors import MmregError
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources import open_source
kind, folder = sys.argv[1], Path(sys.argv[2])
columns = {"n": {"type": "int"}} | {kind: {"type": kind, "nullable": True} for kind in ("text", "image")}
for table in sorted(folder.iterdir()):
    spec = DatasetSpec.model_validate({"source": {"type": kind, "path": table.name}, "columns": columns})
    try:
        source = open_source("pairs", spec, folder)
        listed = sum(batch.num_rows for batch in source.listing())
        read = sum(part.rows.num_rows + len(part.rejected) for part in source.read(None))
        print(table.name, "read" if listed == read else f"listed {listed}, read {read}", flush=True)
    except MmregError as error:
        assert len(str(error)) < 1000, error
        print(table.name, "refused", flush=True)
"""


@pytest.fixture
def whole() -> pa.Table:
    images = [{"bytes": bytes([number % 256] * 50), "path": f"{number}.png"} for number in range(200)]
    pairs = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table(
        {"n": range(200), "text": [f"text {number % 9}" for number in range(200)], "image": pa.array(images, pairs)}
    )


def outcomes(kind: str, folder: Path) -> list[str]:
    command = [sys.executable, "-c", READ, kind, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout[-200:] + ended.stderr[-2000:]
    return [line.split(" ", 1)[1] for line in ended.stdout.splitlines()]


def damage(file: Path, rng: random.Random) -> None:
    data = bytearray(file.read_bytes())
    match rng.randrange(3):
        case 0:
            data = data[: rng.randrange(len(data))]
        case 1:
            data[rng.randrange(max(0, len(data) - 300), len(data))] = rng.randrange(256)
        case _:
            for _ in range(rng.choice([1, 1, 4])):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)


def test_damaged_lance_tables(tmp_path: Path, whole: pa.Table) -> None:
    rng = random.Random(SEED)
    lance.write_dataset(whole, tmp_path / "whole.lance", enable_stable_row_ids=True)
    tables = tmp_path / "tables"
    for number in range(DAMAGES):
        copy = shutil.copytree(tmp_path / "whole.lance", tables / f"{number:03}.lance")
        files = sorted(file for file in copy.rglob("*") if file.suffix in (".lance", ".manifest"))
        damage(rng.choice(files), rng)
    told = outcomes("lance", tables)
    assert len(told) == DAMAGES and set(told) <= {"read", "refused"} and "refused" in told


def test_damaged_parquet_files(tmp_path: Path, whole: pa.Table) -> None:
    rng = random.Random(SEED)
    tables = tmp_path / "tables"
    tables.mkdir()
    for number in range(2 * DAMAGES):
        pq.write_table(whole, tables / f"{number:03}.parquet", row_group_size=70)
        damage(tables / f"{number:03}.parquet", rng)
    told = outcomes("parquet", tables)
    assert len(told) == 2 * DAMAGES and set(told) <= {"read", "refused"}
