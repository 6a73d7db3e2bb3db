from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
RIGHT = [
    "plain\ttext\r\nof two lines",
    "Crème brûlée à la Übermütigkeit, señor Ñandú",
    "NÃO É, PÃO E IRMÃ, MAÇÃ E ÂMBAR",
    "CAFÉ» «DÉJÀ… VOILÀ” ‘GRÜẞE’ — „groß“",
    "„Šárka“ – Łódź, Åse på Ørland; Čeština ž",
    "Привет, мир: «да» — нет",
    "Αθήνα, Ελλάδα · “όχι”",
    "犬が走っている。很好！ 안녕하세요",
    "नमस्ते दुनिया עברית العربية",
    "🐕‍🦺 👩🏽‍🚀 ™ © ½ ° §",
    "",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_people_write_passes(judge: Judge, text: str) -> None:
    assert judge({"x": pa.array([text])}, check="utf8", column="x").status == "passed"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "text",
    ["Crème brûlée", "señor", "größer als", "it’s “so”", "dash – and …", "Šárka, koš", "Привет", "Αθήνα", "犬が走る",
     "नमस्ते", "עברית", "العربية", "a dog 🐕", "\ufeffstart", "5\u00a0km"],
)  # fmt: skip
def test_the_same_read_in_a_wrong_encoding_fails(judge: Judge, text: str, encoding: str) -> None:
    wrong = text.encode().decode(encoding, errors="ignore")
    result = judge({"x": pa.array([wrong])}, check="utf8", column="x")
    assert result.failed == 1
    assert result.examples[0]["reason"] in ("UTF-8 that was read as Latin-1", "a control character")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("caf\ufffd", "U+FFFD, which stands for what could not be decoded"),
        ("bell \a", "a control character"),
        ("next line \x85", "a control character"),
        ("end\0", "a control character"),
    ],
)
def test_signs_by_name(judge: Judge, text: str, reason: str) -> None:
    result = judge({"x": pa.array(["fine", text, None])}, check="utf8", column="x")
    assert (result.status, result.examined, result.failed) == ("failed", 2, 1)
    assert result.examples[0]["reason"] == reason


def test_bytes_that_are_no_utf8(judge: Judge) -> None:
    """A lone surrogate, as other tools write it, and half a character."""
    raw = pa.array([b"ok", b"\xed\xa0\x80", None, b"\xc3"])
    texts = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers(), raw.null_count)
    result = judge({"x": texts}, cuts=[1], check="utf8", column="x")
    assert (result.examined, result.failed) == (3, 2)
    assert result.examples[0]["reason"] == "bytes that are no UTF-8"
    assert result.examples[0]["value"] == r"'\\xed\\xa0\\x80'"


def test_only_texts(judge: Judge) -> None:
    with pytest.raises(UsageError, match="utf8: x is binary, not a column of texts"):
        judge({"x": pa.array([b"a"])}, check="utf8", column="x")


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"], max_codepoint=0x24F)))
def test_letters_of_latin_pass_unless_they_look_like_two_bytes(judge: Judge, text: str) -> None:
    """A text fails only if some of it, written in an 8-bit encoding, would be UTF-8."""
    result = judge({"x": pa.array([text])}, check="utf8", column="x")
    sure = not any(0xC2 <= ord(c) <= 0xFF for c in text)
    assert result.status == "passed" or not sure


@given(texts=st.lists(st.none() | st.text("aÃ©\a", max_size=3)), cuts=st.lists(st.integers(0, 99)))
def test_as_plain_python_counts(judge: Judge, texts: list[str | None], cuts: list[int]) -> None:
    result = judge({"x": pa.array(texts, pa.string())}, cuts, check="utf8", column="x", parts=bool(cuts))
    there = [text for text in texts if text is not None]
    assert (result.examined, result.failed) == (len(there), sum("\a" in t or "Ã©" in t for t in there))
