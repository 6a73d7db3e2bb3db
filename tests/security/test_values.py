"""Values that a table could take and never give back, or that cost more than they say: a reason each, and no wreck."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmreg.errors import StorageError
from mmreg.registry.api import Registry
from mmreg.sources.lines import LONGEST

TEXT = {"text": {"type": "text"}}
NUMBER = {"x": {"type": "float"}}
LINES = {"type": "jsonl", "path": "all.jsonl"}
TABLE = {"type": "parquet", "path": "all.parquet"}
POISON = """
import struct
import pyarrow as pa
class Pass:
    version, kind, scope, role, inputs = "1", "map", "row", "mapper", {"text": "text"}
    def __init__(self, recipe): self.how = recipe.params["how"]
    def open(self): pass
    def outputs(self): return pa.schema([("said", pa.string()), ("x", pa.float64())])
    def __call__(self, batch):
        rows = batch.num_rows
        if self.how == "raise": raise ValueError("\\ud800 " + "x" * 1_000_000)
        said = pa.array(["fine"] * rows)
        if self.how == "poison":
            ends = struct.pack(f"<{rows + 1}i", *range(0, 2 * rows + 1, 2))
            data = pa.py_buffer(b"\\xff\\xfe" * rows)
            said = pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), data])
        x = pa.array([float(self.how) if self.how in ("nan", "inf") else 1.0] * rows)
        return pa.record_batch({"said": said, "x": x})
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "a", "text": "b"}', "unreadable"),
        ('{"text": "a", "b": {"c": 1, "c": 2}}', "unreadable"),
        ('{"text": "\\ud800"}', "not_utf8"),
        ('{"text": "\\udc00\\ud800"}', "not_utf8"),
        ('{"\\ud800": 1, "text": "fine"}', ""),
        ('{"text": ' + "[" * 100_000, "unreadable"),
        ('{"text": ' + '{"a":' * 100_000, "unreadable"),
        ('{"text": "fine", "deep": ' + "[" * 900 + "]" * 900 + "}", ""),
        ('{"text": ' + "9" * 10_000 + "}", "unreadable"),
        ('{"text": 1e999}', "wrong_type"),
        ('{"text": "' + "x" * 65_537 + '"}', "text_too_long"),
        ('{"text": "\\u0000"}', ""),
        ("[" * 10, "unreadable"),
        ("null", "wrong_type"),
        ('{"text": NaN}', "wrong_type"),
        ("\x00", "unreadable"),
        ('{"__proto__": 1, "text": "a"}', ""),
    ],
    ids=lambda value: str(value)[:24],
)
def test_lines(tmp_path: Path, read: Callable[..., Any], line: str, reason: str) -> None:
    (tmp_path / "all.jsonl").write_text(line + "\n")
    assert read(LINES, TEXT).reason == reason


@pytest.mark.parametrize(
    ("value", "reason", "nullable"),
    [("NaN", "wrong_type", ""), ("Infinity", "wrong_type", "wrong_type"), ("1e999", "wrong_type", "wrong_type"),
     ("-1e999", "wrong_type", "wrong_type"), ("1" + "0" * 400, "wrong_type", "wrong_type"), ("0.5", "", "")],
)  # fmt: skip
def test_numbers_that_are_none(
    tmp_path: Path, read: Callable[..., Any], value: str, reason: str, nullable: str
) -> None:
    """NaN says "nothing", as pandas writes it: null where that may be. Infinity says nothing that can be used."""
    (tmp_path / "all.jsonl").write_text(f'{{"x": {value}}}\n')
    assert read(LINES, NUMBER).reason == reason
    found = read(LINES, {"x": {"type": "float", "nullable": True}})
    assert found.reason == nullable
    assert not nullable or not found.rows


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**300])
def test_whole_numbers_past_64_bits(tmp_path: Path, read: Callable[..., Any], value: int) -> None:
    (tmp_path / "all.jsonl").write_text(f'{{"x": {value}}}\n')
    assert read(LINES, {"x": {"type": "int"}}).reason == "wrong_type"


def test_texts_and_times_of_parquet_that_python_cannot_say(
    tmp_path: Path, read: Callable[..., Any], poison: pa.Array[Any]
) -> None:
    times = pa.array([2**62, -(2**62), 0], pa.timestamp("us"))
    pq.write_table(
        pa.table({"text": pa.concat_arrays([poison, pa.array(["a", "b"])]), "at": times}), tmp_path / "all.parquet"
    )
    found = read(TABLE, {"text": {"type": "text"}})
    assert list(found.reasons.values()) == ["not_utf8"] and len(found.rows) == 2
    found = read(TABLE, {"at": {"type": "timestamp"}})
    assert list(found.reasons.values()) == ["wrong_type"] * 2
    assert [row["at"].replace(tzinfo=None) for row in found.rows.values()] == [datetime(1970, 1, 1)]


def test_poison_inside_structures(tmp_path: Path, read: Callable[..., Any], poison: pa.Array[Any]) -> None:
    message = pa.StructArray.from_arrays([poison, poison], ["role", "content"])
    lists = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), message)
    names = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), poison)
    pq.write_table(pa.table({"talk": lists, "names": names}), tmp_path / "all.parquet")
    assert read(TABLE, {"talk": {"type": "messages"}}).reason == "not_utf8"
    assert read(TABLE, {"names": {"type": "list", "items": "string"}}).reason == "not_utf8"


def test_poison_of_a_lance_source(tmp_path: Path, read: Callable[..., Any], poison: pa.Array[Any]) -> None:
    table = pa.table({"text": pa.concat_arrays([poison, pa.array(["a"])])})
    lance.write_dataset(table, tmp_path / "t.lance", enable_stable_row_ids=True)
    with pytest.raises(StorageError, match="invalid utf-8"):  # Lance gives back no row of such a page
        read({"type": "lance", "path": "t.lance"}, TEXT)


def test_few_bytes_that_say_every_row_is_large(tmp_path: Path, peak: Callable[..., tuple[str, int]]) -> None:
    """A dictionary holds a value of 2 MB once, and 300 rows point to it: 600 MB, in a file of some kilobytes."""
    large = pa.array([b"x" * 2_000_000], pa.binary())
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), large)
    pairs = pa.StructArray.from_arrays([column, pa.nulls(300, pa.string())], ["bytes", "path"])
    for name, cells in (("plain", column), ("pairs", pairs)):
        pq.write_table(pa.table({"image": cells}), tmp_path / f"{name}.parquet", compression="zstd")
        assert (tmp_path / f"{name}.parquet").stat().st_size < 100_000
    code = """
        from pathlib import Path
        from mmreg.schemas.declaration import DatasetSpec
        from mmreg.sources import open_source
        for name in ("plain", "pairs"):
            source = {"type": "parquet", "path": f"{name}.parquet"}
            spec = DatasetSpec.model_validate({"source": source, "columns": {"image": {"type": "image"}}})
            opened = open_source("pairs", spec, Path(sys.argv[1]))
            if name == "plain":
                BEGIN
            print(sum(len(part.rejected) for part in opened.read(None)))
    """
    said, grown = peak(code, tmp_path)
    assert said.split() == ["300", "300"] and grown < 150, f"{grown} MiB"


def test_a_footer_that_announces_more_rows_than_its_bytes_could_say(tmp_path: Path, read: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"x": pa.nulls(3_000_000, pa.int8())}), tmp_path / "all.parquet")
    assert (tmp_path / "all.parquet").stat().st_size < 10_000
    assert read(TABLE, {"x": {"type": "int", "nullable": True}}).reason == "too_large"
    pq.write_table(pa.table({"x": pa.nulls(20_000, pa.int8())}), tmp_path / "all.parquet")
    assert len(read(TABLE, {"x": {"type": "int", "nullable": True}}).rows) == 20_000


def test_ten_thousands_of_columns(tmp_path: Path, read: Callable[..., Any]) -> None:
    """Those that are declared are read; what is missing is told in a message that a person can read."""
    from mmreg.errors import UsageError

    wide = pa.table({f"c{number}": pa.array([number], pa.int32()) for number in range(2_000)})
    pq.write_table(wide, tmp_path / "all.parquet", write_statistics=False)
    assert len(read(TABLE, {"c77": {"type": "int"}}).rows) == 1
    with pytest.raises(UsageError, match="and 1,980 more") as caught:
        read(TABLE, {"absent": {"type": "int"}})
    assert len(str(caught.value)) < 1000
    (tmp_path / "all.jsonl").write_text(json.dumps({f"c{number}": 1 for number in range(100_000)}) + "\n")
    assert len(read(LINES, {"c77": {"type": "int"}}).rows) == 1


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_line_without_end(tmp_path: Path, peak: Callable[..., tuple[str, int]], suffix: str) -> None:
    """120 MiB without a line break: a hole in the file, so that it is there in no time."""
    with (tmp_path / f"all.{suffix}").open("wb") as file:
        file.write(b'{"text": "' if suffix == "jsonl" else b"file_name,text\na.png,")
        file.truncate(120 * 1024 * 1024)
    (tmp_path / "images").mkdir()
    code = """
        from pathlib import Path
        from mmreg.errors import UsageError
        from mmreg.schemas.declaration import DatasetSpec
        from mmreg.sources import open_source
        folder, suffix = Path(sys.argv[1]), sys.argv[2]
        source = {"type": "jsonl", "path": "all.jsonl"}
        columns = {"text": {"type": "text"}}
        if suffix == "csv":
            source = {"type": "imagefolder", "path": "images", "captions": "all.csv"}
            columns["image"] = {"type": "image"}
        spec = DatasetSpec.model_validate({"source": source, "columns": columns})
        BEGIN
        try:
            parts = open_source("pairs", spec, folder).read(None)
            print([refused.reason for part in parts for refused in part.rejected])
        except UsageError as error:
            print(error.message)
    """
    said, grown = peak(code, tmp_path, suffix)
    assert "too_large" in said or f"longer than {LONGEST:,} bytes" in said
    assert grown < 100, f"{grown} MiB"


def test_captions_of_csv_lose_nothing_in_silence(
    tmp_path: Path, read: Callable[..., Any], png: Callable[..., bytes]
) -> None:
    from mmreg.errors import UsageError

    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        (tmp_path / "images" / f"{name}.png").write_bytes(png(3, 3))
    source = {"type": "imagefolder", "path": "images", "captions": "all.csv"}
    columns = {"image": {"type": "image"}, "text": {"type": "text", "nullable": True}}
    (tmp_path / "all.csv").write_text("file_name,text\na.png,one,two\nb.png,three\n")
    found = read(source, columns)
    assert sorted(found.rows) == ["a.png", "b.png"] and list(found.reasons.values()) == ["unreadable"]
    (tmp_path / "all.csv").write_text("file_name,text,text\na.png,one,two\n")
    with pytest.raises(UsageError, match="has the column 'text' twice"):
        read(source, columns)


@pytest.mark.parametrize("how", ["poison", "nan", "inf", "raise"])
def test_answers_of_passes(place: Any, how: str) -> None:
    """Refused, or a row's own error: what was there before can be read after it."""
    (place.folder / "all.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    (place.folder / "poisonous.py").write_text(POISON)
    place.declare(f"""
        version: 1
        project: small
        datasets:
          pairs: {{source: {{type: jsonl, path: all.jsonl}}, columns: {{text: {{type: text}}}}}}
        passes:
          bad:
            {{from: pairs, use: "poisonous:Pass", inputs: {{text: text}}, params: {{how: "{how}"}}, max_error_rate: 1}}
    """)
    place.call("init")
    result = place.call("apply", "--quiet", status=0 if how == "raise" else 1)
    told = {"poison": "Arrow refuses", "nan": "NaN or infinite", "inf": "NaN or infinite", "raise": ""}[how]
    assert told in result.stderr
    assert [row["text"] for row in place.json("head", "pairs")] == ["a", "b"]
    if how == "raise":
        errors = [row["error"] for row in place.json("errors", "bad")]
        assert len(errors) == 2 and all(error.startswith("ValueError: ? xxx") and len(error) < 3000 for error in errors)
    sys.modules.pop("poisonous", None)


def test_a_poisoned_table_of_somebody_else_is_said_to_be_one(place: Any, poison: pa.Array[Any]) -> None:
    """Others can write what mmreg would not. Reading ends in an error of ours, and other columns are there."""
    (place.folder / "all.jsonl").write_text('{"text": "a", "n": 1}\n')
    place.declare("""
        version: 1
        project: small
        lake: ./lake
        datasets:
          pairs:
            source: {type: jsonl, path: all.jsonl}
            columns: {text: {type: text}, n: {type: int}}
    """)
    place.call("init")
    place.call("apply", "--quiet")
    table = lance.dataset(str(place.folder / "lake" / "pairs.lance"))
    row = table.to_table()
    row = row.set_column(row.schema.get_field_index("text"), row.schema.field("text"), poison)
    table.insert(row)
    assert "Invalid UTF8" in place.call("head", "pairs@latest", status=6).stderr
    others = Registry.open(place.folder).open_version("pairs@latest").to_arrow(["n"])
    assert others["n"].to_pylist() == [1, 1]
    place.call("ls")
    place.call("doctor", status=None)
    place.call("plan", status=None)
