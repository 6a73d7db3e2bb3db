"""The facets of an OpenLineage event: OpenLineage's own, and those of mmreg, which ``facets.json`` describes.

OpenLineage knows no models: a checkpoint is a dataset of the type MODEL, with what it is in the facet ``mmreg_model``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmreg.registry.exchange.flow import Flow, Told
from mmreg.registry.exchange.known import Known, identity
from mmreg.schemas.lineage import Node
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.run import Run

PRODUCER = "urn:mmreg"
"""Who says so, as OpenLineage wants it: an address. The version of mmreg is in ``processing_engine``."""
OWN = "urn:mmreg:openlineage:1"
"""The address of ``facets.json``."""
Name = tuple[str, str]
"""Of a dataset: its namespace and its name."""
_SPEC = "https://openlineage.io/spec/facets"
_VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DatasetTypeDatasetFacet": "1-0-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "ErrorMessageRunFacet": "1-0-1",
    "ExecutionParametersRunFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "LineageDatasetFacet": "1-0-0",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
    "StorageDatasetFacet": "1-0-1",
    "SymlinksDatasetFacet": "1-0-1",
    "TestRunFacet": "1-0-1",
}
_FILES = {"LineageDatasetFacet": "LineageFacet"}
"""The file of a facet's schema, where that is not called like the facet."""

_TYPES = {
    "version": {"datasetType": "TABLE", "subType": "LANCE"},
    "checkpoint": {"datasetType": "MODEL", "subType": "CHECKPOINT"},
    "source": {"datasetType": "FILE"},
}
_STATUS = {"passed": "pass", "failed": "fail"}
_SEVERITY = {"error": "error", "warning": "warn"}


def dataset_facets(node: Node, known: Known, symlink: str | None = None) -> dict[str, Any]:
    """What a version, a model or a source is; ``symlink`` is its plain name, where it is mentioned by another one."""
    facets = {
        "version": facet("DatasetVersionDatasetFacet", datasetVersion=identity(node)),
        "datasetType": facet("DatasetTypeDatasetFacet", **_TYPES[node.kind]),
    }
    if symlink is not None:
        also = {"namespace": known.namespace, "name": symlink, "type": _TYPES[node.kind]["datasetType"]}
        facets["symlinks"] = facet("SymlinksDatasetFacet", identifiers=[also])
    if node.kind == "version":
        facets["storage"] = facet("StorageDatasetFacet", storageLayer="lance", fileFormat="lance")
        if columns := known.schema(identity(node)):
            told = [{"name": n, "type": t, "ordinal_position": i} for i, (n, t) in enumerate(columns, 1)]
            facets["schema"] = facet("SchemaDatasetFacet", fields=told)
    if node.kind == "checkpoint" and (model := known.checkpoints.get(identity(node))) is not None:
        facets["mmreg_model"] = own("MmregModelDatasetFacet", **_model(model))
    return facets


def flow_facets(flow: Flow, name: Callable[[Node], Name]) -> dict[str, Any]:
    """Where an output comes from: by the facet that readers know, which has columns alone, and by the new one, which
    can say that a model is upstream."""
    facets = {
        "lineage": facet(
            "LineageDatasetFacet",
            inputs=[_input(told, name) for told in flow.whole],
            fields={column: {"inputs": [_input(told, name) for told in of]} for column, of in flow.fields.items()},
        )
    }
    by_column = {column: [_column(told, name) for told in of if told.column] for column, of in flow.fields.items()}
    whole = [_column(told, name) for told in flow.whole if told.column]
    if whole or any(by_column.values()):
        fields = {column: {"inputFields": columns} for column, columns in by_column.items() if columns}
        facets["columnLineage"] = facet("ColumnLineageDatasetFacet", fields=fields, dataset=whole)
    return facets


def output_facets(rows: int | None) -> dict[str, Any]:
    """How much a run put out."""
    return {} if rows is None else {"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", rowCount=rows)}


def job_facets(kind: str) -> dict[str, Any]:
    """What sort of job it is."""
    told = {"processingType": "BATCH", "integration": "MMREG", "jobType": kind.upper()}
    return {"jobType": facet("JobTypeJobFacet", **told)}


def run_facets(run: Run) -> dict[str, Any]:
    """What the record of a run says."""
    facets = {"processing_engine": facet("ProcessingEngineRunFacet", version=run.tool or "unknown", name="mmreg")}
    if error := run.facets.get("error"):
        facets["errorMessage"] = facet("ErrorMessageRunFacet", message=_text(error), programmingLanguage="PYTHON")
    if parameters := [{"key": key, "value": _text(value)} for key, value in _parameters(run)]:
        facets["executionParameters"] = facet("ExecutionParametersRunFacet", parameters=parameters)
    if results := run.facets.get("validation", {}).get("results"):
        facets["test"] = facet("TestRunFacet", tests=[_test(result) for result in results])
    if models := list(_models(run)):
        facets["mmreg_model"] = own("MmregModelRunFacet", models=models)
    cost = {**run.facets.get("pass", {}).get("cost", {}), **run.facets.get("cost", {})}
    if known := {key: value for key, value in cost.items() if isinstance(value, str | int | float)}:
        facets["mmreg_cost"] = own("MmregCostRunFacet", **known)
    return facets


def facet(name: str, /, **said: Any) -> dict[str, Any]:
    """A facet of OpenLineage."""
    home = f"{_SPEC}/{_VERSIONS[name]}/{_FILES.get(name, name)}.json"
    return {"_producer": PRODUCER, "_schemaURL": f"{home}#/$defs/{name}", **said}


def own(name: str, /, **said: Any) -> dict[str, Any]:
    """A facet of mmreg."""
    return {"_producer": PRODUCER, "_schemaURL": f"{OWN}#/$defs/{name}", **said}


def _model(model: Checkpoint) -> dict[str, Any]:
    told = {"name": model.name, "digest": f"sha256:{model.digest}", "framework": model.framework}
    facts = {"license": model.license, "base": model.base, "uri": model.uri}
    parts = [{k: v for k, v in part.items() if v not in (None, (), [])} for part in model.to_dict()["components"]]
    return {
        **told,
        **{key: value for key, value in facts.items() if value},
        "opaque": model.opaque,
        "components": parts,
    }


def _models(run: Run) -> Iterator[dict[str, str]]:
    """The models that had a part in a run, and which."""
    roles = {"curated_by": "producer", "init_from": "initial"}
    if run.job.kind == "evaluation":
        roles["used"] = "evaluated"
    for used in run.inputs:
        if used.kind == "checkpoint" and used.role in roles:
            name = used.ref.removeprefix("model:").partition("@")[0]
            yield {"name": name, "digest": f"sha256:{used.id}", "role": roles[used.role]}
    for made in run.checkpoints:
        role = "trained" if run.job.kind == "training" else "registered"
        yield {"name": made["name"], "digest": f"sha256:{made['digest']}", "role": role}


def _parameters(run: Run) -> Iterator[tuple[str, Any]]:
    passed, training = run.facets.get("pass", {}), run.facets.get("training", {})
    for key in ("use", "version", "generation"):
        if passed.get(key):
            yield key, passed[key]
    yield from passed.get("params", {}).items()
    yield from (training.get("params") or {}).items()
    if training.get("seed") is not None:
        yield "seed", training["seed"]
    if where := run.facets.get("select", {}).get("recipe", {}).get("where"):
        yield "where", where


def _test(result: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "name": result.get("key") or result["check"],
        "status": _STATUS.get(result["status"], "skip"),
        "severity": _SEVERITY.get(result.get("severity", "error"), "error"),
        "type": result["check"],
        "description": result.get("message", ""),
        "expected": f"at most {float(result.get('max_failure_rate', 0)):g} failed",
        "actual": f"{result['failed']} of {result['examined']} failed",
    }
    column = {"column": result["column"]} if result.get("column") else {}
    return {**told, "params": {**result.get("arguments", {}), **column}}


def _column(told: Told, name: Callable[[Node], Name]) -> dict[str, Any]:
    namespace, dataset = name(told.node)
    return {"namespace": namespace, "name": dataset, "field": told.column, "transformations": [_how(told)]}


def _input(told: Told, name: Callable[[Node], Name]) -> dict[str, Any]:
    namespace, dataset = name(told.node)
    field = {"field": told.column} if told.column else {}
    return {"namespace": namespace, "name": dataset, "type": "DATASET", **field, "transformations": [_how(told)]}


def _how(told: Told) -> dict[str, Any]:
    return {"type": told.type, "subtype": told.subtype, "description": told.description, "masking": False}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
