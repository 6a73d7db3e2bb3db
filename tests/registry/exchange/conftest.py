"""Random lineages, and a strict reader of OpenLineage: the classes that its own client has, made from its schemas."""

from __future__ import annotations

import importlib
import json
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any
from uuid import UUID

import attr
import jsonschema
import openlineage.client.generated
import pytest
from golden_lakes import Scene, make
from hypothesis import strategies as st

from mmreg.schemas.lineage import Edge, Lineage, Node

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_FACTS = st.dictionaries(_TEXTS, st.none() | st.booleans() | st.integers() | _TEXTS | st.lists(_TEXTS, max_size=2))
_ROLES = ("used", "curated_by", "trained_on", "init_from", "evaluated_on", "continues")


@st.composite
def _lineages(draw: st.DrawFn) -> Lineage:
    """Nodes of all kinds with names of any characters, and any edges that have a run at one end."""
    kinds = st.sampled_from(["version", "run", "checkpoint", "source"])
    ids = draw(st.lists(st.tuples(kinds, _TEXTS), min_size=1, max_size=8, unique=True))
    nodes = [Node(f"{kind}:{id}", kind, draw(_TEXTS), draw(_TEXTS), draw(_FACTS)) for kind, id in ids]
    runs = [place for place, node in enumerate(nodes) if node.kind == "run"]
    things = [place for place, node in enumerate(nodes) if node.kind != "run"]
    edges: set[tuple[int, int, str]] = set()
    if runs and things:
        places = st.tuples(st.sampled_from(things), st.sampled_from(runs))
        for (thing, run), role in draw(st.lists(st.tuples(places, st.sampled_from(_ROLES)), max_size=8)):
            edges.add((thing, run, role))
        edges.update((run, thing, "generated") for thing, run in draw(st.lists(places, max_size=8)))
    told = tuple(Edge(nodes[a].id, nodes[b].id, kind) for a, b, kind in sorted(edges))
    direction = draw(st.sampled_from(["up", "down", "path"]))
    return Lineage(draw(st.sampled_from(nodes)).id, direction, tuple(nodes), told)


@pytest.fixture(scope="session")
def lineages() -> st.SearchStrategy[Lineage]:
    return _lineages()


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A model that was trained on texts answers them; a teacher learns from that and writes lessons."""
    return make("teacher", tmp_path_factory.mktemp("exchange") / "teacher")


@pytest.fixture(scope="session")
def conforms() -> Callable[[dict[str, Any]], None]:
    """Asserts that an event is one of OpenLineage, down to each facet, and that mmreg's own are as they say."""
    known = dict(_classes())
    own = json.loads(files("mmreg.registry.exchange").joinpath("facets.json").read_text())

    def event(doc: dict[str, Any]) -> None:
        _strict(known[doc["schemaURL"]], doc, facet)

    def facet(doc: dict[str, Any]) -> None:
        if (url := doc["_schemaURL"]) in known:
            _strict(known[url], doc, facet)
        else:
            home, _, name = url.partition("#")
            assert home == own["$id"], url
            jsonschema.Draft202012Validator({**own, "$ref": f"#{name}"}).validate(doc)

    return event


def _classes() -> Iterator[tuple[str, type[Any]]]:
    package = openlineage.client.generated
    for module in pkgutil.iter_modules(package.__path__):
        for kind in vars(importlib.import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(kind, type) and attr.has(kind) and "_get_schema" in vars(kind):
                yield kind._get_schema(), kind


def _strict(kind: type[Any], doc: dict[str, Any], facet: Callable[[dict[str, Any]], None]) -> None:
    """Every key is a field of ``kind``, every field without a default is there, all values are of their types."""
    fields = {field.name: field for field in attr.fields(kind)}
    hints = typing.get_type_hints(kind)
    assert doc.keys() <= fields.keys(), (kind, doc.keys() - fields.keys())
    for name, field in fields.items():
        assert name in doc or field.default is not attr.NOTHING, (kind, name)
        if name in doc and name.lower().endswith("facets"):
            for told in doc[name].values():
                facet(told)
        elif name in doc:
            assert _is(hints[name], doc[name], facet), (kind, name, doc[name])
        if name == "runId":
            UUID(doc[name])


def _is(hint: Any, value: Any, facet: Callable[[dict[str, Any]], None]) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is_quietly(one, value, facet) for one in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is list:
        return isinstance(value, list) and all(_is(inner[0], one, facet) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(_is(inner[1], one, facet) for one in value.values())
    if hint is Any:
        return True
    if isinstance(hint, type) and attr.has(hint):
        _strict(hint, value, facet)
        return True
    if hint is openlineage.client.generated.base.EventType:
        return value in [member.value for member in hint]
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _is_quietly(hint: Any, value: Any, facet: Callable[[dict[str, Any]], None]) -> bool:
    """For a choice of types: whether it is this one of them."""
    try:
        return _is(hint, value, facet)
    except (AssertionError, AttributeError):
        return False
