"""What people said of samples, from the files that their tools write.

| file | what it is |
|---|---|
| ``.jsonl`` | one record a line |
| ``.csv``, ``.tsv`` | a header and one record a line |
| ``.parquet`` | one record a row |
| ``.json`` | a list of records, or what Label Studio exports as JSON or JSON-MIN |

A record has the key of its sample, the values, and, where they are known, ``annotator``, ``minutes`` (or ``seconds``,
or Label Studio's ``lead_time``) and ``at`` (or ``updated_at``, ``created_at``), a time in ISO 8601.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmreg.errors import StorageError, UsageError
from mmreg.sources.lines import parse_line, read_lines, strict_json
from mmreg.sources.record import Refused

Record = Mapping[str, Any]
TIMES = ("at", "updated_at", "created_at")


@dataclass(frozen=True)
class Annotation:
    """What one person said of one sample. ``place`` is where it stands (file and line).

    ``values`` are by the file's own names, as they stand there; None: the person looked and said nothing. ``minutes``
    is 0 where nobody took the time. ``at`` is in UTC, '' where it is not known, so that later ones are greater.
    """

    place: str
    key: tuple[str, ...]
    values: Mapping[str, Any] | None
    annotator: str | None
    minutes: float
    at: str

    @property
    def digest(self) -> bytes:
        """16 bytes over all that it says: the same wherever it stands."""
        said = [self.key, self.values, self.annotator, self.minutes, self.at]
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def read_annotations(paths: Sequence[Path], key: Sequence[str], fields: Mapping[str, str]) -> Iterator[Annotation]:
    """Yield what is in ``paths``, in their order. ``key`` are the names that tell a sample, ``fields`` says what the
    file calls what has another name there.

    Nothing is left out: raises `UsageError`, with the place, for what is no annotation. Memory: one record of lines and
    Parquet, all of a ``.json`` file.
    """
    for path in paths:
        try:
            for place, record in _records(path):
                yield from _annotations(place, record, key, fields)
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror or error}", hint=f"ls -l {path}") from error
        except Refused as refused:
            raise _wrong(refused.detail) from refused


def _records(path: Path) -> Iterator[tuple[str, Record]]:
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            with path.open("rb") as stream:
                yield from ((line.place, parse_line(line)) for line in read_lines(stream, path.name))
        case ".csv" | ".tsv":
            yield from _csv(path)
        case ".parquet":
            yield from _parquet(path)
        case ".json":
            yield from _json(path)
        case other:
            raise UsageError(
                f"{path.name}: annotations are read from .jsonl, .csv, .tsv, .parquet and .json, not from {other!r}",
                hint="rename the file, or write it as JSON lines",
            )


def _csv(path: Path) -> Iterator[tuple[str, Record]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, dialect="excel-tab" if path.suffix.lower() == ".tsv" else "excel")
            for record in reader:
                place = f"{path.name}:{reader.line_num}"
                if None in record or None in record.values():
                    raise _wrong(f"{place}: another number of fields than the header has")
                yield place, {name: text if text != "" else None for name, text in record.items()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise _wrong(f"{path.name}: {error}") from error


def _parquet(path: Path) -> Iterator[tuple[str, Record]]:
    try:
        row = 0
        for batch in pq.ParquetFile(path).iter_batches(1024):
            for record in batch.to_pylist():
                row += 1
                yield f"{path.name}, row {row}", record
    except pa.ArrowInvalid as error:
        raise _wrong(f"{path.name}: {error}") from error


def _json(path: Path) -> Iterator[tuple[str, Record]]:
    try:
        found = strict_json(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{path.name}: {error}") from error
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise _wrong(f"{path.name}: a list of records is due")
    yield from ((f"{path.name}, record {number}", record) for number, record in enumerate(found, 1))


# One record


def _annotations(place: str, record: Record, key: Sequence[str], fields: Mapping[str, str]) -> Iterator[Annotation]:
    if isinstance(record.get("annotations"), list) and isinstance(record.get("data"), dict):
        for number, said in enumerate(record["annotations"], 1):
            where = f"{place}, annotation {number}"
            if not isinstance(said, dict):
                raise _wrong(f"{where}: an object is due")
            flat = {**record["data"], **_answers(where, said), **_who_and_when(said)}
            yield _annotation(where, flat, key, fields, skipped=bool(said.get("was_cancelled")))
    else:
        yield _annotation(place, record, key, fields)


def _annotation(
    place: str, record: Record, key: Sequence[str], fields: Mapping[str, str], *, skipped: bool = False
) -> Annotation:
    named = [fields.get(name, name) for name in key]
    for name in named:
        if record.get(name) is None:
            there = ", ".join(map(str, record))
            raise UsageError(
                f"{place}: there is no {name!r}, which tells the sample (there are: {there})",
                hint=f"params: {{fields: {{{key[named.index(name)]}: ITS_NAME_THERE}}}}",
            )
    who = record.get(fields.get("annotator", "annotator"))
    return Annotation(
        place,
        tuple(_key(record[name]) for name in named),
        None if skipped else record,
        None if who is None else str(who),
        _minutes(place, record, fields),
        _at(place, record, fields),
    )


def _key(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _minutes(place: str, record: Record, fields: Mapping[str, str]) -> float:
    for name, minutes in (("minutes", 1.0), ("seconds", 1 / 60), ("lead_time", 1 / 60)):
        took = record.get(fields.get(name, name))
        if took is None:
            continue
        try:
            if isinstance(took, bool) or not 0 <= float(took) < float("inf"):
                raise ValueError
        except (TypeError, ValueError):
            raise _wrong(f"{place}: {name} is {took!r}, where a number of 0 or more is due") from None
        return float(took) * minutes
    return 0.0


def _at(place: str, record: Record, fields: Mapping[str, str]) -> str:
    said = next((record[named] for name in TIMES if record.get(named := fields.get(name, name)) is not None), None)
    if said is None:
        return ""
    try:
        at = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
    except ValueError:
        raise _wrong(f"{place}: {said!r} is no time in ISO 8601") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


# Label Studio's own form

_GIVEN = {"textarea": "text", "pairwise": "selected"}
"""Where the value of a control lies that is not called as its type is."""


def _answers(place: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """By the name of each control what was chosen, given or written; of regions the whole, as JSON."""
    answers: dict[str, list[Any]] = {}
    for part in said.get("result") or ():
        if not isinstance(part, dict) or not isinstance(part.get("value"), dict) or "from_name" not in part:
            continue  # relations between regions
        kind, value = part.get("type"), part["value"]
        given = value.get(_GIVEN.get(str(kind), str(kind)))
        several = answers.setdefault(part["from_name"], [])
        if kind == "taxonomy":
            several += [" / ".join(map(str, path)) if isinstance(path, list) else str(path) for path in given or ()]
        elif kind in ("choices", "rating", "number", "datetime", *_GIVEN):
            several += given if isinstance(given, list) else [given]
        else:
            several.append(json.dumps(value, sort_keys=True, ensure_ascii=False))
    return {name: given[0] if len(given) == 1 else given for name, given in answers.items()}


def _who_and_when(said: Mapping[str, Any]) -> dict[str, Any]:
    who = said.get("completed_by")
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return {"annotator": who, **{name: said.get(name) for name in ("lead_time", "updated_at", "created_at")}}


def _wrong(detail: str) -> UsageError:
    return UsageError(detail, hint="mend the file: an annotation that cannot be read is never left out")
