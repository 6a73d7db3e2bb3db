"""Values of the plain column types: text, numbers, times, conversations, preferences, references."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mmreg.schemas.declaration import ColumnSpec
from mmreg.sources.files import read_whole
from mmreg.sources.record import File, Refused

Accept = Callable[[Any], Any]

_NAMES = {"str": "text", "dict": "an object", "list": "a list", "bool": "a boolean", "int": "a number",
          "float": "a number", "bytes": "bytes", "File": "a file", "NoneType": "null"}  # fmt: skip


def acceptor(spec: ColumnSpec, max_text: int) -> Accept:
    """Return the check of ``spec``'s type: from a source's value to what Arrow takes, or `Refused`."""

    def text(value: Any) -> str:
        return checked_text(value, max_text)

    def caption(value: Any) -> str | None:
        words = _read_text(value, max_text) if isinstance(value, File) else text(value)
        if words and not words.isspace():
            return words
        if spec.nullable:
            return None
        raise Refused("empty_text", "the text is empty")

    def messages(value: Any) -> list[dict[str, str]]:
        if not isinstance(value, list):
            raise wrong_type("a list of messages", value)
        return [_fields(message, text, ("role", "content")) for message in value]

    def preference(value: Any) -> dict[str, str | None]:
        return _fields(value, text, ("prompt", "chosen", "rejected"), ("annotator_kind", "annotator"))

    def ref(value: Any) -> dict[str, Any]:
        return _ref(value, spec.dataset or "")

    def number(value: Any) -> float | None:
        # What reads NaN as "nothing" (pandas writes it so) finds null here; where null may not be, it is refused.
        return None if spec.nullable and value != value else _float(value)

    return {
        "text": caption, "string": text, "int": _int, "float": number, "bool": _bool, "timestamp": _timestamp,
        "messages": messages, "preference": preference, "ref": ref,
    }[spec.type]  # fmt: skip


def wrong_type(expected: str, value: Any) -> Refused:
    """The refusal of ``value`` where ``expected`` should be."""
    found = _NAMES.get(type(value).__name__, type(value).__name__)
    return Refused("wrong_type", f"expected {expected}, found {found}")


def checked_text(value: Any, max_text: int) -> str:
    """Return ``value`` if it is text that UTF-8 can hold, of at most ``max_text`` bytes."""
    if not isinstance(value, str):
        raise wrong_type("text", value)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        # A surrogate: a byte that was no UTF-8 (csv), or half a pair (JSON). Bytes before it are what counts.
        offset = len(value[: error.start].encode())
        raise Refused("not_utf8", f"not UTF-8 at byte {offset} of the text") from None
    if size > max_text:
        raise Refused("text_too_long", f"{size:,} bytes, the limit is {max_text:,}")
    return value


def _read_text(file: File, max_text: int) -> str:
    if file.size > max_text:
        raise Refused("text_too_long", f"{file.uri} has {file.size:,} bytes, the limit is {max_text:,}")
    try:
        return read_whole(file, max_text).decode().removeprefix("\ufeff").strip()
    except UnicodeDecodeError as error:
        raise Refused("not_utf8", f"{file.uri} is not UTF-8 at byte {error.start}") from None


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type("an integer", value)
    if not -(2**63) <= value < 2**63:
        raise Refused("wrong_type", "the integer does not fit 64 bits")
    return value


def _float(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type("a number", value)
    try:
        number = float(value)
    except OverflowError:
        raise Refused("wrong_type", "the number does not fit 64 bits") from None
    if not math.isfinite(number):
        raise Refused("wrong_type", f"the number is {number}")
    return number


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type("true or false", value)
    return value


def _timestamp(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            raise wrong_type("a time as ISO 8601 text", value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("wrong_type", "the text is not a time in ISO 8601") from None


def _fields(
    value: Any, text: Callable[[Any], str], required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(f"an object with {', '.join(required)}", value)
    # A key that the column cannot hold (tool calls, weights) would be lost, so the record says no instead.
    for key in value.keys() - {*required, *optional}:
        raise Refused("wrong_type", f"the column has no place for the key {key!r}")
    fields = {key: text(value.get(key)) for key in required}
    return fields | {key: None if value.get(key) is None else text(value[key]) for key in optional}


def _ref(value: Any, dataset: str) -> dict[str, Any]:
    target = value if isinstance(value, dict) else {"dataset": dataset, "sample_id": value}
    sample = target.get("sample_id")
    if target.get("dataset", dataset) != dataset:
        raise Refused("wrong_type", f"the reference is to {target['dataset']!r}, the column is to {dataset!r}")
    try:
        identity = bytes.fromhex(sample) if isinstance(sample, str) else sample
    except ValueError:
        identity = None
    if not isinstance(identity, bytes) or len(identity) != 16:
        raise Refused("wrong_type", "a sample_id is 16 bytes, in text as 32 hexadecimal digits")
    return {"dataset": dataset, "sample_id": identity}
