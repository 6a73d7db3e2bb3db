"""The terms of all that a version was made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.terms import allowed, kind, most_restrictive

Answer = Callable[..., CheckResult]
PASSES = """
models:
  judge: {uri: judge.bin, license: CC-BY-NC-4.0}
passes:
  size: {from: texts, use: "makers:Length", inputs: {text: text}, model: judge}
  keep: {from: texts, into: train, use: filter, where: "length > 1"}
"""


@pytest.mark.parametrize(
    ("license", "allow", "expected"),
    [
        ("CC-BY-4.0", ["CC-BY-4.0"], True),
        ("cc by_4.0 ", ["CC-BY-4.0"], True),
        ("CC-BY-4.0", ["CC-BY-*"], True),
        ("CC-BY-NC-4.0", ["CC-BY-4.0", "MIT"], False),
        ("MIT AND CC0-1.0", ["MIT"], False),
        ("MIT AND CC0-1.0", ["MIT", "CC0-1.0"], True),
        ("GPL-3.0 or MIT", ["MIT"], True),
        ("(GPL-3.0 OR MIT) AND CC0-1.0", ["MIT", "CC0-1.0"], True),
        (None, ["MIT"], False),
        ("  ", ["MIT", "unknown"], True),
        ("Unknown", ["MIT"], False),
    ],
)
def test_allowed(license: str | None, allow: list[str], expected: bool) -> None:
    assert allowed(license, allow) is expected


def test_the_most_restrictive_wins() -> None:
    order = ["CC0-1.0", "Apache-2.0", "CC BY-SA 4.0", "CC-BY-ND-4.0", "OpenRAIL-M", "CC-BY-NC-SA-4.0", "Our terms"]
    assert [kind(license) for license in order] == [
        "public domain",
        "permissive",
        "share alike",
        "no derivatives",
        "use restricted",
        "non-commercial",
        "unknown",
    ]
    for place, license in enumerate(order):
        assert most_restrictive(reversed(order[: place + 1])) == license
    assert most_restrictive(["CC-BY-NC-4.0", None]) is None
    assert kind("MIT AND CC-BY-SA-4.0") == "share alike"
    assert kind("GPL-3.0 OR MIT") == "permissive"
    assert [kind(name) for name in ("BSD-3-Clause", "MIT", "CC-BY-3.0", "ODC-By-1.0")] == ["permissive"] * 4


def licensed(corpus: Any, license: str | None, rows: list[dict[str, Any]], columns: str = "") -> Any:
    made = corpus({"texts": rows}, PASSES, columns)
    if license is not None:
        file = made.folder / "mmreg.yaml"
        file.write_text(file.read_text().replace("columns: {text:", f"license: {license}, columns: {{text:"))
    (made.folder / "judge.bin").write_bytes(b"judge")
    made.apply()
    return made


def test_datasets_and_models_count(corpus: Any, answer: Answer) -> None:
    made = licensed(corpus, "CC-BY-4.0", [{"text": "a"}, {"text": "bb"}])
    result = answer(made, "train", check="lineage.license", allow=["CC-BY-4.0", "CC-BY-NC-4.0"])
    assert (result.status, result.examined) == ("passed", 2)
    assert result.message.endswith("; the most restrictive is CC-BY-NC-4.0 (non-commercial)")
    result = answer(made, "train", check="lineage.license", allow=["CC-BY-4.0"])
    assert (result.status, result.examined, result.failed) == ("failed", 2, 1)
    assert "1 of 2 licences are not allowed (50%): CC-BY-NC-4.0 (model judge@" in result.message


def test_what_nobody_declared_is_unknown(corpus: Any, answer: Answer) -> None:
    made = licensed(corpus, None, [{"text": "a"}, {"text": "bb"}])
    result = answer(made, "train", check="lineage.license", allow=["CC-BY-*"])
    assert result.failed == 1
    assert "unknown (texts@v2)" in result.message
    assert result.message.endswith("the most restrictive is unknown")
    allow = ["CC-BY-*", "unknown"]
    assert answer(made, "train", check="lineage.license", allow=allow).status == "passed"


def test_rows_with_a_licence_of_their_own(corpus: Any, answer: Answer) -> None:
    rows = [
        {"text": "aa", "terms": "CC0-1.0"},
        {"text": "bb", "terms": "All rights reserved"},
        {"text": "cc", "terms": "cc0 1.0"},
    ]
    columns = ", terms: {{type: text, nullable: true}}"
    made = licensed(corpus, None, rows, columns)
    allow = ["CC0-1.0", "CC-BY-NC-4.0"]
    result = answer(made, "train", check="lineage.license", allow=allow, column="terms")
    assert (result.failed, result.column) == (1, "terms")
    assert "All rights reserved (1 rows)" in result.message
    assert "texts@" not in result.message, "every row has a licence of its own"
    assert [e["value"] for e in result.examples] == ["'All rights reserved'"]
    assert result.histograms[0].counts == {"rows": (1, 1, 1)}

    with pytest.raises(UsageError, match="no text"):
        answer(made, "train", check="lineage.license", allow=["MIT"], column="length")


def test_rows_without_one_fall_back_on_that_of_their_dataset(corpus: Any, answer: Answer) -> None:
    rows = [{"text": "aa", "terms": "CC0-1.0"}, {"text": "bb", "terms": None}]
    made = licensed(corpus, "MIT", rows, ", terms: {{type: text, nullable: true}}")
    declared = {"check": "lineage.license", "column": "terms"}
    result = answer(made, "train", allow=["CC0-1.0", "CC-BY-NC-4.0"], **declared)
    assert (result.failed, result.examined) == (1, 3)
    assert "MIT (texts@" in result.message
    assert answer(made, "train", allow=["CC0-1.0", "CC-BY-NC-4.0", "MIT"], **declared).status == "passed"
