from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.text.personal import ENTITIES, Entity, _recognizer, _sure, found

Judge = Callable[..., CheckResult]
PLANTED = {
    "EMAIL_ADDRESS": "write to jane.doe@example.com",
    "PHONE_NUMBER": "call +1 212-555-0142 today" ,
    "CREDIT_CARD": "card 4111 1111 1111 1111",
    "IBAN_CODE": "pay to DE89 3704 0044 0532 0130 00",
    "IP_ADDRESS": "from 192.168.17.4 or fe80::1ff:fe23:4567:890a",
    "CRYPTO": "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "US_SSN": "social security 536-22-8726",
    "MAC_ADDRESS": "at 00:1B:44:11:3A:B7",
    "US_ITIN": "itin 912-70-1234",
    "UK_NHS": "nhs 401 023 2137",
    "UK_NINO": "AA 12 34 56 B",
    "DE_TAX_ID": "tax 86095742719",
    "ES_NIF": "dni 12345678Z",
    "ES_NIE": "nie X9613851N",
    "IT_FISCAL_CODE": "RSSMRA85T10A562S",
    "PL_PESEL": "pesel 44051401359",
    "FI_PERSONAL_IDENTITY_CODE": "hetu 131052-308T",
    "IN_PAN": "pan ABCPE1234F",
}  # fmt: skip
PLAIN = [
    "a dog by the lake",
    "version 1.2.3, in 2024",
    "at 12:30 on 3 May",
    "ratio 16:9, 1920x1080",
    "room 101 @ noon, 30123 Hannover, 1999",
    "",
]


@pytest.mark.parametrize("entity", ENTITIES)
def test_each_entity_is_found_and_plain_captions_have_none(judge: Judge, entity: str) -> None:
    result = judge({"x": pa.array([*PLAIN, PLANTED[entity]])}, check="pii", column="x", entities=[entity])
    assert (result.status, result.failed) == ("failed", 1)
    assert result.examples[0]["sample_id"] == f"{len(PLAIN):032x}"
    assert (result.histograms[0].labels, result.histograms[0].counts) == ((entity,), {"texts": (1,)})


def test_nothing_tells_what_was_found(judge: Judge) -> None:
    texts = ["jane.doe@example.com, or +1 212-555-0142", *PLAIN * 10]
    result = judge({"x": pa.array(texts)}, check="pii", column="x")
    assert result.examples == (
        {"sample_id": "0" * 32, "value": "<40 characters>", "reason": "EMAIL_ADDRESS, PHONE_NUMBER"},
    )
    assert "jane" not in str(result) and "555" not in str(result)


def test_the_upper_bound_is_what_counts(judge: Judge) -> None:
    rows = {"x": pa.array([PLANTED["EMAIL_ADDRESS"], *["a dog"] * 999])}
    result = judge(rows, check="pii", column="x", max_rate=0.005)
    assert (result.status, result.failed, result.examined) == ("failed", 1, 1000)
    truth = binomtest(1, 1000).proportion_ci(method="wilson")
    assert result.interval == pytest.approx((truth.low, truth.high))
    assert result.numbers == {"rate": 0.001, "upper_bound": pytest.approx(truth.high)}
    assert result.message == (
        "1 of 1,000 texts hold personal data (0.1%); at most 0.564% with 95% confidence, 0.5% allowed"
    )
    assert judge(rows, check="pii", column="x", max_rate=0.006).status == "passed"


@pytest.mark.parametrize(("rows", "status"), [(100, "insufficient"), (4_000, "passed")])
def test_nothing_found_in_few_texts_is_not_enough(judge: Judge, rows: int, status: str) -> None:
    result = judge({"x": pa.array(["a dog"] * rows)}, check="pii", column="x")
    assert (result.status, result.failed) == (status, 0)
    assert ("too few texts to say" in result.message) == (status == "insufficient")


def test_nulls_alone(judge: Judge) -> None:
    result = judge({"x": pa.array([None], pa.string())}, check="pii", column="x")
    assert (result.status, result.message) == ("passed", "nothing to examine: 1 rows, all null")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"entities": ["EMAIL"]}, "unknown entity 'EMAIL'"),
        ({"entities": []}, "entities: .* at least 1 item"),
        ({"max_rate": 2}, "max_rate: .* less than or equal to 1"),
        ({"max_failure_rate": 0.01}, "how much may be found is its max_rate"),
    ],
)
def test_wrong_arguments(judge: Judge, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": pa.array(["a"])}, check="pii", column="x", **arguments)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.none() | st.sampled_from([*PLAIN, *PLANTED.values()])),
    cuts=st.lists(st.integers(0, 99), max_size=3),
    parts=st.booleans(),
)
def test_as_counted_one_by_one(judge: Judge, rows: list[str | None], cuts: list[int], parts: bool) -> None:
    declared = {"check": "pii", "column": "x", "entities": ["EMAIL_ADDRESS", "IBAN_CODE"]}
    column = {"x": pa.array(rows, pa.string())}
    result = judge(column, cuts, parts=parts, **declared)
    assert result.failed == sum(row in (PLANTED["EMAIL_ADDRESS"], PLANTED["IBAN_CODE"]) for row in rows)
    whole = judge(column, **declared)
    assert (result.status, result.numbers, result.histograms) == (whole.status, whole.numbers, whole.histograms)


bits = st.sampled_from(
    ["@", ".", "-", " ", ":", "::", "/", "com", "Z", "fe", "AA", "bc1", "\u0663", "12", "111", "4111"]
)


@settings(max_examples=100, deadline=None)
@given(words=st.lists(bits | st.sampled_from([*PLANTED.values()]) | st.text("0123456789abcfABF.:- ", max_size=6)))
def test_the_hint_hides_nothing_that_presidio_finds(words: list[str]) -> None:
    text = "".join(words)
    for entity in ENTITIES:
        assert bool(found(pa.array([text]), entity)) == _sure(_recognizer(entity), text, entity), entity


def test_every_entity_is_one_that_presidio_knows() -> None:
    for name, entity in ENTITIES.items():
        assert isinstance(entity, Entity) and _recognizer(name).supported_entities == [name]


def test_without_its_library_the_extra_is_named() -> None:
    code = """
import sys
import pyarrow as pa
from mmreg.errors import MissingExtra
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
sys.modules["presidio_analyzer"] = None
try:
    load_check(CheckSpec(check="pii", column="x"), Table(pa.schema({"x": pa.string()})))
except MissingExtra as error:
    print(error.extra)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "pii\n"
