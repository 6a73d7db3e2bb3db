"""A file of captions: one ``.jsonl`` or ``.csv`` whose records name an image and fill the other columns."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from mmreg.errors import UsageError
from mmreg.schemas.declaration import ColumnSpec
from mmreg.sources.declared import open_declared
from mmreg.sources.files import normalise
from mmreg.sources.lines import LONGEST, parse_line, read_lines, strict_json
from mmreg.sources.record import Refused
from mmreg.sources.stamp import canonical, digest16

_FILE_KEYS = ("file_name", "file", "image", "path")


class Caption(NamedTuple):
    """One record: the image it names, its cells by declared column, where it stands, all that it says.

    With ``refused`` it names no image, and a digest of what it says is all that tells it from others.
    """

    file: str
    cells: Mapping[str, Any]
    place: str
    content: bytes | list[Any]
    refused: Refused | None = None

    @property
    def digest(self) -> str:
        return digest16(self.content if isinstance(self.content, bytes) else canonical(self.content))


def read_captions(path: str, columns: Mapping[str, ColumnSpec]) -> Iterator[Caption]:
    """Yield the records of a captions file; ``columns`` are those that it is to fill.

    Raises `StorageError` if it cannot be read, `UsageError` if it is no such file.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".jsonl":
        yield from _json_captions(path, columns)
    elif suffix == ".csv":
        yield from _csv_captions(path, columns)
    else:
        raise UsageError(f"captions: {path} is neither .jsonl nor .csv", hint="convert it to one of the two")


def _json_captions(path: str, columns: Mapping[str, ColumnSpec]) -> Iterator[Caption]:
    with open_declared(path) as stream:
        for line in read_lines(stream, os.path.basename(path)):
            try:
                record = parse_line(line)
            except Refused as refused:
                yield Caption("", {}, line.place, line.data.strip(), refused)
                continue
            cells = {name: record.get(column.field or name) for name, column in columns.items()}
            yield _caption(record, cells, line.place)


def _csv_captions(path: str, columns: Mapping[str, ColumnSpec]) -> Iterator[Caption]:
    name = os.path.basename(path)
    # A byte that is no UTF-8 becomes a surrogate, so that only the cell which has it is refused.
    with open_declared(path) as stream:
        reader = csv.DictReader(_lines(stream))
        try:
            header = list(reader.fieldnames or ())
            if twice := next((key for key in header if header.count(key) > 1), None):
                raise UsageError(f"captions: {name} has the column {twice!r} twice", hint="give one another name")
            if not set(_FILE_KEYS) & set(header):
                raise UsageError(
                    f"captions: {name} has no column {', '.join(_FILE_KEYS)}",
                    hint="name the images in a column `file_name`, and give the file a header line",
                )
            for record in reader:
                cells = {key: _cell(record.get(spec.field or key), spec) for key, spec in columns.items()}
                place = f"{name}:{reader.line_num}"
                if None in record:  # under this key the reader puts what is left over
                    more = Refused("unreadable", f"{place}: more cells than the header has columns")
                    yield Caption("", cells, place, [repr(record), cells], more)
                else:
                    yield _caption(record, cells, place)
        except csv.Error as error:
            raise UsageError(
                f"captions: {name} after line {reader.line_num}: {error}",
                hint="check the quotes of the next line",
            ) from error


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Lines as text, their ends kept; a byte that is no UTF-8 becomes a surrogate. Raises `csv.Error` for one
    that is longer than any record could be."""
    start = "\ufeff"
    while data := stream.readline(LONGEST + 1):
        if len(data) > LONGEST:
            raise csv.Error(f"the line is longer than {LONGEST:,} bytes")
        yield data.decode("utf-8", "surrogateescape").removeprefix(start)
        start = ""


def _caption(record: Mapping[str, Any], cells: Mapping[str, Any], place: str) -> Caption:
    declared = next((record[key] for key in _FILE_KEYS if record.get(key)), None)
    try:
        if not isinstance(declared, str):
            raise Refused("null_value", f"{place}: the record names no file ({', '.join(_FILE_KEYS)})")
        return Caption(normalise(declared), cells, place, [declared, cells])
    except Refused as refused:
        return Caption("", cells, place, [declared, cells], refused)


def _cell(text: str | None, spec: ColumnSpec) -> Any:
    """Read a csv cell as its column's type; what does not parse stays text, for the column to refuse."""
    if not text:
        return None
    if spec.type in ("text", "string", "timestamp", "ref", "image", "audio", "video"):
        return text
    try:
        return strict_json(text.lower() if spec.type == "bool" else text)
    except (ValueError, RecursionError):
        return text
