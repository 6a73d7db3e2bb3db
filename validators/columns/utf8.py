"""utf8: texts that were decoded as what they are."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import demand, is_text, texts
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table
from mmreg.validators.tally import Tally, short

_CONTROL = r"\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}"
_NEXT = "\u00a0-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""What the bytes 80 to BF, which go on with a character in UTF-8, are in Windows-1252 and above 9F in ISO 8859-1.
What they are below that in ISO 8859-1 are control characters."""
_MOJIBAKE = "|".join(
    [
        f"[ÂÃ][{_NEXT}]",  # U+0080 to U+00FF: é is Ã©, a hard space is Â and one
        f"[ÄÅ][{_NEXT}][a-z]",  # letters of Latin Extended-A within a word: š is Å¡
        f"(?:[ÎÏÐÑ×ØÙ][{_NEXT}]){{2}}",  # two letters of Greek, Cyrillic, Hebrew or Arabic: да is Ð´Ð°
        f"(?:[à-ï][{_NEXT}]{{2}}){{2}}",  # two characters of three bytes, as in Chinese, Japanese, Hindi
        "â€|â„¢",  # quotes, dashes, dots, ™: ’ is â€™
        "ï»¿|ï¿½",  # the mark at the start of a file, and U+FFFD itself
        "ðŸ",  # emoji
    ]
)
_SIGNS = {
    "U+FFFD, which stands for what could not be decoded": "\ufffd",
    "a control character": f"[{_CONTROL}]",
    "UTF-8 that was read as Latin-1": _MOJIBAKE,
}


class Arguments(Declared):
    column: str


class Utf8(RowCheck):
    """No text shows signs of a wrong decoding: U+FFFD, UTF-8 read as Latin-1, control characters; null is not examined.

    Tab, line feed and carriage return are no such signs. Bytes that are no UTF-8 (surrogates are none) fail, too.
    UTF-8 that was read as ISO 8859-1 or Windows-1252 is known by sequences which it leaves (``Ã©`` for ``é``) and
    which are rare in what people write; a text that is *about* them fails.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._column = parse_arguments(spec, Arguments).column
        demand("utf8", table, self._column, is_text, "a column of texts")
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        found = texts(batch, self._column)
        raw = _broken(found)
        bad = pc.match_substring_regex(found, pattern="|".join(_SIGNS.values()))
        self._tally.add(
            batch,
            examined=len(found) - found.null_count,
            failed=bad if raw is None else pc.or_(bad, raw),
            describe=lambda row: _describe(found.slice(row, 1)),
        )

    def result(self) -> CheckResult:
        return self._tally.result("texts were decoded wrongly")


def _broken(column: pa.StringArray) -> pa.BooleanArray | None:
    """Which are no UTF-8; None where all are. Arrow finds out fast that all are, and only that."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.large_binary())
        return pa.array([data is not None and _text(data) is None for data in raw.to_pylist()])
    return None


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _describe(one: pa.StringArray) -> tuple[str, str]:
    data = one.cast(pa.large_binary())[0].as_py()
    text = _text(data)
    if text is None:
        return short(data.decode(errors="backslashreplace")), "bytes that are no UTF-8"
    signs = (sign for sign, pattern in _SIGNS.items() if pc.match_substring_regex(one, pattern=pattern)[0].as_py())
    return short(text), next(signs)
