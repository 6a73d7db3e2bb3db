"""One version as a Croissant 1.1 description: what it consists of, and by PROV and RAI terms where it comes from.

Its distribution are the files of the lake, or a Parquet file with its rows, which loaders of Croissant can read. Each
column says which pass made it and after which model or whose annotations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.registry.exchange.known import Known, identity, people
from mmreg.registry.exchange.lookup import known_of
from mmreg.registry.exchange.parquet import SPLIT, Snapshot, write_rows
from mmreg.registry.show import show
from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.detail import ColumnDetail, VersionDetail
    from mmreg.schemas.refs import VersionRef

Doc = dict[str, Any]
CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
MMREG = "urn:mmreg:croissant:1:"
_TERMS = (
    "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isArray", "isLiveDataset", "arrayShape", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
"""The words of the vocabulary ``cr`` that stand in a description without their prefix."""

_DATA_TYPES = {
    "image": "sc:ImageObject", "audio": "sc:AudioObject", "video": "sc:VideoObject", "bool": "sc:Boolean",
    "string": "sc:Text", "int": "sc:Integer", "uint": "sc:Integer", "float": "sc:Float", "double": "sc:Float",
    "halffloat": "sc:Float", "timestamp": "sc:DateTime",
}  # fmt: skip


def croissant(workspace: Workspace, ref: VersionRef, parquet: Path | None = None) -> Doc:
    """The JSON-LD of ``ref``. With ``parquet``, the description's own file, its rows are written beside that."""
    detail = show(workspace, ref)
    lineage = workspace.catalog.lineage(f"version:{detail.uuid}", "up")
    snapshot = None
    if parquet is not None:
        snapshot = write_rows(workspace.open_version(detail.ref), parquet, detail.splits)
    known = known_of(workspace, lineage, columns=False)
    told = _Told(detail, lineage, known, snapshot)
    spec = workspace.spec.datasets.get(detail.dataset)
    described = spec.description if spec is not None and spec.description else None
    return {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": detail.dataset,
        "description": described or f"Version {detail.ref} of the dataset {detail.dataset}: {detail.rows:,} rows.",
        **({"license": detail.license} if detail.license else {}),
        "url": told.address(f"version:{detail.uuid}"),
        "version": f"{detail.version}.0.0",
        "datePublished": detail.created_at,
        "mmreg:ref": detail.ref,
        "mmreg:uuid": detail.uuid,
        "mmreg:rows": detail.rows,
        **told.provenance(),
        **told.responsible(),
        "distribution": list(told.distribution()),
        "recordSet": [told.records()],
    }


def _context() -> Doc:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "prov": "http://www.w3.org/ns/prov#",
        "mmreg": MMREG,
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": {"@container": "@language"},
        "description": {"@container": "@language"},
        **{term: f"cr:{term}" for term in _TERMS},
    }


class _Told:
    """What is told of one version: of it as a whole, and of each column."""

    def __init__(self, detail: VersionDetail, lineage: Lineage, known: Known, snapshot: Snapshot | None) -> None:
        self._detail, self._lineage, self._known, self._snapshot = detail, lineage, known, snapshot
        self._nodes = {node.id: node for node in lineage.nodes}

    def address(self, id: str) -> str:
        """A name for a node that no other lake has."""
        return f"{self._known.namespace}/{id.replace(':', '/', 1)}"

    def provenance(self) -> Doc:
        """The run that made the version, and what it goes back to: what that read, and all sources."""
        run = self._known.runs[self._detail.run]
        above = {edge.source for edge in self._lineage.edges if edge.target == f"run:{run.id}"}
        carried = [node for node in self._lineage.nodes if node.id in above or node.kind == "source"]
        return {
            "prov:wasDerivedFrom": [self._entity(node) for node in carried if node.kind != "checkpoint"],
            "prov:wasGeneratedBy": self._activity(run),
        }

    def responsible(self) -> Doc:
        """What RAI asks for, as far as the runs tell: sources, passes, models, people."""
        runs = list(self._runs())
        told = {
            "rai:dataCollection": "; ".join(
                f"{run.job.name}: read from {used.ref}"
                for run in runs
                for used in run.inputs
                if run.job.kind == "ingest" and used.kind == "source"
            ),
            "rai:dataPreprocessingProtocol": [_recipe(run) for run in runs if _is_pass(run) and not _annotates(run)],
            "rai:dataManipulationProtocol": "; ".join(_recipe(run) for run in runs if run.job.kind == "select"),
            "rai:dataAnnotationProtocol": [_recipe(run) for run in runs if _annotates(run)],
            "rai:machineAnnotationTools": sorted({name for run in runs for name in self._models(run)}),
        }
        return {key: value for key, value in told.items() if value}

    def distribution(self) -> Iterator[Doc]:
        if self._snapshot is not None:
            yield {
                "@type": "cr:FileObject",
                "@id": "rows.file",
                "name": self._snapshot.path.name,
                "contentUrl": self._snapshot.path.name,
                "encodingFormat": "application/x-parquet",
                "contentSize": f"{self._snapshot.size_bytes} B",
                "sha256": self._snapshot.sha256,
            }
            return
        for table in dict.fromkeys((*self._tables(), self._detail.dataset)):
            yield {
                "@type": "cr:FileSet",
                "@id": f"{table}.files",
                "name": f"{table}.lance",
                "description": f"Files of the Lance table {table}.lance in the lake",
                "encodingFormat": "application/vnd.lance",
                "includes": f"{table}.lance/data/*.lance",
            }

    def records(self) -> Doc:
        fields = [self._field(column) for column in self._detail.columns if self._is_there(column)]
        if self._snapshot is not None and SPLIT in self._snapshot.columns:
            fields.append(_split())
        return {
            "@type": "cr:RecordSet",
            "@id": "rows",
            "name": "rows",
            "key": {"@id": "rows/sample_id"},
            "field": fields,
        }

    def _is_there(self, column: ColumnDetail) -> bool:
        return self._snapshot is None or column.name in self._snapshot.columns

    def _field(self, column: ColumnDetail) -> Doc:
        run = self._known.runs.get(column.run) if column.run is not None else None
        made: Doc = {} if run is None else {"prov:wasGeneratedBy": self._activity(run, models=False)}
        if run is not None and (agents := list(self._agents(run))):
            made["prov:wasAttributedTo"] = agents
        kind, shape = _data_type(column.type)
        return {
            "@type": "cr:Field",
            "@id": f"rows/{column.name}",
            "name": column.name,
            "description": f"{column.type}, made by {column.producer}",
            "dataType": kind,
            **shape,
            "source": self._source(column),
            **made,
        }

    def _source(self, column: ColumnDetail) -> Doc:
        extract = {"extract": {"column": column.name}}
        if self._snapshot is not None:
            return {"fileObject": {"@id": "rows.file"}, **extract}
        return {"fileSet": {"@id": f"{self._tables()[0]}.files"}, **extract}

    def _tables(self) -> list[str]:
        """The Lance tables that have the cells."""
        return [root.partition("@")[0] for root in self._detail.roots] or [self._detail.dataset]

    def _entity(self, node: Node) -> Doc:
        return {"@type": "prov:Entity", "@id": self.address(node.id), "prov:label": node.ref}

    def _activity(self, run: Run, *, models: bool = True) -> Doc:
        agents = list(self._agents(run)) if models else []
        return {
            "@type": "prov:Activity",
            "@id": self.address(f"run:{run.id}"),
            "prov:label": f"{run.job.kind} {run.job.name}",
            "prov:startedAtTime": run.started_at,
            "prov:endedAtTime": run.ended_at,
            **({"prov:wasAssociatedWith": agents} if agents else {}),
        }

    def _agents(self, run: Run) -> Iterator[Doc]:
        for used in run.inputs:
            if used.role == "curated_by":
                id = f"checkpoint:{used.id}"
                model = self._nodes[id].ref if id in self._nodes else used.ref
                yield {"@type": "prov:SoftwareAgent", "@id": self.address(id), "prov:label": model}
        for mark, name in people(run):
            label = {"prov:label": name} if name else {}
            yield {"@type": "prov:Person", "@id": self.address(f"person:{mark}"), **label}

    def _models(self, run: Run) -> Iterator[str]:
        for used in run.inputs:
            id = f"checkpoint:{used.id}"
            if used.role == "curated_by" and id in self._nodes:
                model = self._known.checkpoints.get(used.id)
                opaque = ", opaque" if model is not None and model.opaque else ""
                yield f"{self._nodes[id].ref}{opaque} ({run.job.kind} {run.job.name})"

    def _runs(self) -> Iterator[Run]:
        for node in self._lineage.nodes:
            if node.kind == "run" and (run := self._known.runs.get(identity(node))) is not None:
                yield run


def _split() -> Doc:
    return {
        "@type": "cr:Field",
        "@id": f"rows/{SPLIT}",
        "name": SPLIT,
        "description": "of which split a row is",
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": "rows.file"}, "extract": {"column": SPLIT}},
    }


def _is_pass(run: Run) -> bool:
    return run.job.kind == "pass"


def _annotates(run: Run) -> bool:
    """Whether cells were written by a model or by people."""
    if not _is_pass(run):
        return False
    return bool(run.facets.get("annotators")) or any(used.role == "curated_by" for used in run.inputs)


def _recipe(run: Run) -> str:
    """A pass or a selection in a sentence."""
    said: Mapping[str, Any] = run.facets.get("pass", run.facets.get("select", {}))
    columns = [column for output in run.outputs for column in output.columns]
    made = f" makes {', '.join(dict.fromkeys(columns))}" if columns and _is_pass(run) else ""
    version = f" version {said['version']}" if said.get("version") else ""
    use = f" ({said['use']}{version})" if said.get("use") else ""
    where = said.get("recipe", {}).get("where") if isinstance(said.get("recipe"), Mapping) else None
    return f"{run.job.name}{use}{made}" + (f": {where}" if where else "")


def _data_type(arrow: str) -> tuple[str, Doc]:
    """Croissant's name of a type, and its shape where it is a list of numbers."""
    if arrow.startswith("fixed_size_list<"):
        length = arrow.rpartition("[")[2].rstrip("]")
        return "sc:Float", {"isArray": True, "arrayShape": length}
    plain = arrow.rstrip("0123456789").partition("[")[0]
    return _DATA_TYPES.get(plain, "sc:Text"), {}
