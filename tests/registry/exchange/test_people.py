"""People who annotated are told of by what the run keeps of them: a pseudonym, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden_lakes import Scene
from prov.model import ProvAgent, ProvDocument

DECLARATION = """
datasets:
  texts: {{source: {{type: jsonl, path: texts.jsonl}}, identity: [number], columns: {{number: {{type: int}}}}}}
passes:
  rated:
    from: texts
    use: annotations
    inputs: {{number: number}}
    params: {{path: rated.jsonl, columns: {{rating: float}}, names: {names}}}
"""


@pytest.mark.parametrize("names", ["pseudonym", "none"])
def test_people(tmp_path: Path, names: str) -> None:
    scene = Scene(tmp_path)
    scene.source("texts")
    said = [{"number": number, "rating": 1, "annotator": "Ada", "minutes": 2} for number in range(2)]
    (tmp_path / "rated.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))
    scene.declare(DECLARATION.format(names=names))

    provenance = scene.text("lineage", "export", "texts", "--format", "prov")
    agents = ProvDocument.deserialize(content=provenance).get_records(ProvAgent)
    (person,) = [agent for agent in agents if "Person" in str(agent.get_asserted_types())]
    assert bool(person.label != str(person.identifier)) == (names == "pseudonym")

    (field,) = [
        field
        for field in scene.json("lineage", "export", "texts", "--format", "croissant")["recordSet"][0]["field"]
        if field["name"] == "rating"
    ]
    (author,) = field["prov:wasAttributedTo"]
    assert author["@type"] == "prov:Person" and ("prov:label" in author) == (names == "pseudonym")

    events = scene.text("lineage", "export", "texts")
    assert all("Ada" not in told for told in (provenance, events, json.dumps(field)))
    ended = json.loads(events.splitlines()[-1])
    assert ended["run"]["facets"]["mmreg_cost"]["human_min"] == 4
