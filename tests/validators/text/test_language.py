from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
EN = ["two people riding bicycles along a river", "Sunset over the mountains in Norway", "a photo of a cat on a mat"]
DE = ["eine Katze liegt auf dem Sofa und schläft", "Sonnenuntergang über den Bergen in Norwegen"]
FR = ["un chien court dans le jardin de la maison"]


def test_texts_in_other_languages_fail(judge: Judge) -> None:
    result = judge({"x": pa.array([*EN, *FR, None, *DE])}, check="language", column="x", languages=["en", "de"])
    assert (result.status, result.examined, result.failed) == ("failed", 6, 1)
    assert result.message == "1 of 6 texts are not in en or de (16.7%)"
    assert result.examples[0]["reason"] == "looks like fr"
    assert result.numbers == {"unsure": 0.0, "en": 0.5, "de": pytest.approx(2 / 6)}
    assert (result.histograms[0].labels, result.histograms[0].counts) == (("en", "de", "fr"), {"texts": (3, 2, 1)})


def test_where_nothing_can_be_told_nothing_is_said(judge: Judge) -> None:
    result = judge(
        {"x": pa.array(["", "12345", "IMG_1234.jpg", "a dog"])}, check="language", column="x", languages=["fr"]
    )
    assert (result.status, result.failed, result.numbers["unsure"]) == ("passed", 0, 1.0)
    assert result.message == "0 of 4 texts are not in fr; of 4 the language cannot be told"


def test_nulls_alone(judge: Judge) -> None:
    result = judge({"x": pa.array([None], pa.string())}, check="language", column="x", languages=["en"])
    assert (result.status, result.message) == ("passed", "nothing to examine: 1 rows, all null")


def test_many_languages_end_in_other(judge: Judge) -> None:
    many = [
        *EN, *DE, *FR, "犬が公園で走っています", "собака бежит по парку рядом с домом",
        "강아지가 공원에서 뛰고 있습니다",
        "ένας σκύλος τρέχει στο πάρκο", "כלב רץ בפארק ליד הבית", "un perro corre por el parque de la ciudad",
        "un cane corre nel parco della città", "een hond rent door het park naast het huis", "สุนัขวิ่งในสวนสาธารณะ",
        "कुत्ता पार्क में दौड़ रहा है", "pies biegnie przez park obok domu", "um cachorro corre pelo parque da cidade",
    ]  # fmt: skip
    drawn = judge({"x": pa.array(many)}, check="language", column="x", languages=["en"]).histograms[0]
    assert drawn.labels[0] == "en" and drawn.labels[-1] == "(other)"
    assert len(drawn.labels) == 13 and sum(drawn.counts["texts"]) == len(many)


@pytest.mark.parametrize(
    ("column", "languages", "message"),
    [
        (pa.array(["a"]), ["eng"], "unknown language 'eng'"),
        (pa.array(["a"]), [], "languages: .* at least 1 item"),
        (pa.array([1]), ["en"], "x is int64, not a column of texts"),
    ],
)
def test_wrong_arguments(judge: Judge, column: pa.Array, languages: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": column}, check="language", column="x", languages=languages)


def test_without_its_library_the_extra_is_named() -> None:
    code = """
import sys
import pyarrow as pa
from mmreg.errors import MissingExtra
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
sys.modules["py3langid"] = None
try:
    load_check(CheckSpec(check="language", column="x", languages=["en"]), Table(pa.schema({"x": pa.string()})))
except MissingExtra as error:
    print(error.extra)
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "language\n"
    )


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.none() | st.sampled_from([*EN, *DE, *FR, "", "7"])),
    cuts=st.lists(st.integers(0, 99), max_size=3),
    parts=st.booleans(),
)
def test_as_counted_one_by_one(judge: Judge, rows: list[str | None], cuts: list[int], parts: bool) -> None:
    column = {"x": pa.array(rows, pa.string())}
    result = judge(column, cuts, check="language", column="x", languages=["en", "fr"], parts=parts)
    assert result.failed == sum(row in DE for row in rows)
    whole = judge(column, check="language", column="x", languages=["en", "fr"])
    assert (result.numbers, result.histograms, result.message) == (whole.numbers, whole.histograms, whole.message)
