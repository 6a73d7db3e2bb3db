"""What checks of media saw of parts adds up to what they say of the whole, however it was cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmreg.schemas.check import CheckResult

CHECKS: list[tuple[str, dict[str, Any]]] = [
    ("image", {"check": "image_decodes"}),
    ("image", {"check": "image_format"}),
    ("image", {"check": "image_size", "min_width": 30}),
    ("image", {"check": "not_blank"}),
    ("image", {"check": "not_blurred", "min_value": 50}),
    ("audio", {"check": "audio_decodes"}),
    ("audio", {"check": "audio_duration", "min_value": 0.3}),
    ("audio", {"check": "not_silent"}),
    ("audio", {"check": "not_clipped"}),
    ("video", {"check": "video_decodes"}),
    ("video", {"check": "video_duration", "max_value": 0.45}),
    ("video", {"check": "video_frames", "min_value": 4}),
]


@pytest.fixture(scope="session")
def cells(
    sound: Callable[..., bytes], film: Callable[..., bytes], scene: Callable[..., Image.Image], encode: Any
) -> dict[str, list[Any]]:
    """For each kind some cells: good ones, bad ones, damaged ones, one without bytes and null."""
    blank, drawn = encode(Image.new("RGB", (20, 20))), encode(scene(1, 40, 30), "JPEG")
    pictures = [{"bytes": blank, "format": "PNG", "width": 20, "height": 20}, {"bytes": drawn, "format": "PNG"}]
    return {
        "image": [None, {"uri": "gone"}, b"no", drawn[:-200], *pictures],
        "audio": [None, {"uri": "gone"}, b"no", sound(0.2)[:-50], sound(0.2, 0), sound(0.5, 2)],
        "video": [None, {"uri": "gone"}, b"no", film(3)[:-100], film(3), film(6)],
    }


@pytest.mark.parametrize(
    ("kind", "declared"), CHECKS, ids=lambda value: value if isinstance(value, str) else value["check"]
)
@given(chosen=st.lists(st.integers(0, 5), max_size=9), cuts=st.lists(st.integers(0, 99), max_size=4))
@settings(max_examples=12)
def test_parts_add_up(
    judge: Callable[..., CheckResult],
    column: Callable[..., Any],
    cells: dict[str, list[Any]],
    kind: str,
    declared: dict[str, Any],
    chosen: list[int],
    cuts: list[int],
) -> None:
    columns = {"cell": column([cells[kind][number] for number in chosen], kind)}
    whole = judge(columns, column="cell", **declared)
    assert judge(columns, cuts, column="cell", **declared) == whole
    merged = judge(columns, cuts, parts=True, column="cell", **declared)
    assert merged == replace(whole, examples=tuple({**one} for one in merged.examples))
    assert [(one["sample_id"], one["reason"]) for one in merged.examples] == [
        (one["sample_id"], one["reason"]) for one in whole.examples
    ]
