"""What was exported and is read back is the same graph, whatever graph it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument

from mmreg.registry.exchange.known import Known
from mmreg.registry.exchange.openlineage import events
from mmreg.registry.exchange.openlineage_read import read_events
from mmreg.registry.exchange.prov import document
from mmreg.registry.exchange.prov_read import read_document
from mmreg.schemas.lineage import Lineage

KNOWN = Known("2f0c")


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_openlineage(lineages: st.SearchStrategy[Lineage], conforms: Callable[[Any], None]) -> None:
    @settings(max_examples=150)
    @given(lineages, st.booleans())
    def property(lineage: Lineage, pinned: bool) -> None:
        told = through_json(list(events(lineage, KNOWN, pinned=pinned)))
        for event in told:
            conforms(event)
        assert read_events((f"event {number}", event) for number, event in enumerate(told)) == lineage

    property()


def test_prov(lineages: st.SearchStrategy[Lineage]) -> None:
    @settings(max_examples=150)
    @given(lineages)
    def property(lineage: Lineage) -> None:
        told = through_json(document(lineage, KNOWN))
        assert read_document("a document", told) == lineage
        records = ProvDocument.deserialize(content=json.dumps(told)).records
        assert len(records) == sum(len(told[part]) for part in told.keys() - {"prefix"})

    property()
