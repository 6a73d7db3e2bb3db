"""A PROV-JSON document as a lineage: one that mmreg wrote as it was, one of others as far as it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mmreg.registry.exchange.gathered import Doc, Gathered, table, wrong
from mmreg.schemas.lineage import Lineage

_TERM = "mmreg:"


def read_document(where: str, document: Doc) -> Lineage:
    """The lineage of ``document``. Raises `UsageError` where it makes no sense.

    What mmreg has not written has ids made of its names. Agents that are no entities are left out.
    """
    gathered = Gathered()
    agents = table(where, document, "agent")
    named: dict[str, str] = {}
    for part in ("entity", "activity"):
        for name, said in _records(where, document, part):
            kind = "run" if part == "activity" else "checkpoint" if name in agents else "version"
            named[name] = gathered.node(where, _node(where, said) or _foreign(name, kind, said))
    for _, said in _records(where, document, "used"):
        source, target = _end(where, named, said, "entity"), _end(where, named, said, "activity")
        gathered.edge(where, source, target, _role(said, "used"))
    for _, said in _records(where, document, "wasGeneratedBy"):
        source, target = _end(where, named, said, "activity"), _end(where, named, said, "entity")
        gathered.edge(where, source, target, _role(said, "generated"))
    return gathered.lineage()


def _records(where: str, document: Doc, part: str) -> Iterator[tuple[str, Doc]]:
    for name, said in table(where, document, part).items():
        for one in said if isinstance(said, list) else [said]:  # several of one name stand in a list
            if not isinstance(one, Mapping):
                raise wrong(where, f"{part} {name!r} is not an object")
            yield name, one


def _node(where: str, said: Doc) -> Doc:
    """What mmreg wrote of a node; empty where it has not."""
    if "mmreg:id" not in said:
        return {}
    id = _value(said["mmreg:id"])
    try:
        facts = json.loads(_value(said.get("mmreg:facts", "{}")))
    except (TypeError, ValueError, RecursionError):
        raise wrong(where, f"the facts of {id!r} are no JSON") from None
    told = {"id": id, "kind": str(id).partition(":")[0], "facts": facts}
    more = {"name": "mmreg:name", "ref": "prov:label", "position": "mmreg:position", "focus": "mmreg:focus"}
    return told | {key: _value(said[name]) for key, name in more.items() if name in said}


def _foreign(name: str, kind: str, said: Doc) -> Doc:
    label = _value(said.get("prov:label", name))
    times = {"started_at": "prov:startTime", "ended_at": "prov:endTime"}
    facts = {key: _value(said[time]) for key, time in times.items() if time in said}
    return {"id": f"{kind}:{name}", "kind": kind, "name": str(label), "ref": name, "facts": facts}


def _end(where: str, named: Mapping[str, str], said: Doc, key: str) -> str:
    name = _value(said.get(f"prov:{key}"))
    if not isinstance(name, str) or name not in named:
        raise wrong(where, f"{name!r} is no {key} of this document")
    return named[name]


def _role(said: Doc, usual: str) -> str:
    role = str(_value(said.get("prov:role", "")))
    return role.removeprefix(_TERM) if role.startswith(_TERM) else usual


def _value(said: Any) -> Any:
    """A value of PROV-JSON, which may stand with its type, and among several."""
    while isinstance(said, list) and said:
        said = said[0]
    return said.get("$") if isinstance(said, Mapping) else said
