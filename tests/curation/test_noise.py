"""The doctor of a dataset notes pairs that a model finds unlike: by whatever column clip_score has made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmreg.schemas.model import LoadedModel

DECLARATION = """
version: 1
project: small
lake: {lake}
models:
  clip: {{uri: WEIGHTS, framework: transformers}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image}}, caption: {{type: text, nullable: true}}}}
passes:
  fit: {{from: pairs, use: clip_score, model: clip, inputs: {{image: image, text: caption}}, outputs: {{score: fits}}}}
"""


def test_low_scores_are_noted_with_the_filter_that_leaves_them_out(
    project: Callable[..., Any], transformers_model: LoadedModel
) -> None:
    made = project(declaration=DECLARATION.replace("WEIGHTS", str(transformers_model.path)))
    made.apply()
    registry = made.open()
    low = sum(row["fits"] < 0.2 for row in registry.query("pairs@latest"))
    report = registry.examine("pairs")
    noted = [finding for finding in report.findings if finding.code == "noise"]
    assert "noise" in report.looked_for and sum(finding.count for finding in noted) == low
    assert low, "a model that knows nothing finds nothing alike"
    assert noted[0].note and noted[0].of == 6
    assert noted[0].cure == '{from: pairs, into: NAME, use: filter, where: "fits >= 0.2"}'
