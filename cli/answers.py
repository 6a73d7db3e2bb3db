"""What each command answers under ``--json``: its type, and the JSON Schema of that."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from mmreg.cli.render.errands import Named, Rebuilt
from mmreg.errors import NotFound
from mmreg.schemas import (
    boost,
    check,
    compact,
    comparison,
    cost,
    damage,
    detail,
    diagnosis,
    erasure,
    exchange,
    find,
    finding,
    gate,
    gc,
    impact,
    leak,
    license,
    lineage,
    model,
    model_detail,
    orphans,
    plan,
    run,
    summary,
    why,
)

ANSWERS: dict[str, Any] = {
    "init": summary.Created,
    "pass new": summary.Scaffold,
    "checks": list[summary.KnownCheck],
    "checks new": summary.Scaffold,
    "schema": dict[str, Any],
    "plan": plan.Plan,
    "apply": plan.ApplyReport,
    "status": plan.Status,
    "validate": gate.GateReport,
    "promote": check.ValidationReport,
    "drop": plan.Dropped,
    "ls": list[summary.DatasetSummary],
    "show": detail.VersionDetail,
    "log": list[summary.LogEntry],
    "head": list[dict[str, Any]],
    "query": list[dict[str, Any]],
    "sql": list[dict[str, Any]],
    "diff": detail.Diff,
    "errors": list[plan.FailedRow],
    "why": why.Why,
    "find": find.Found,
    "orphans": orphans.Orphans,
    "lineage up": lineage.Lineage,
    "lineage down": lineage.Lineage,
    "lineage path": lineage.Lineage,
    "lineage export": exchange.Exported | exchange.Emitted | list[dict[str, Any]] | dict[str, Any],
    "lineage import": lineage.Lineage,
    "lineage boost": boost.Boost,
    "lineage leak": leak.Leak,
    "impact": impact.Impact,
    "license": license.Licenses,
    "compare": comparison.Comparison,
    "cost": cost.Cost,
    "model add": model.Checkpoint,
    "model import": run.Run,
    "model ls": list[summary.ModelSummary],
    "model show": model_detail.ModelDetail,
    "model alias": Named,
    "train record": run.Run,
    "train ingest": list[run.Run],
    "train ls": list[run.Run],
    "eval record": run.Run,
    "eval ls": list[run.Run],
    "compact": compact.CompactReport,
    "doctor": finding.DoctorReport | diagnosis.DatasetReport,
    "gc": gc.GcReport,
    "fsck": damage.FsckReport | damage.RolledBack,
    "erase": erasure.ErasurePlan | erasure.ErasureReport | list[erasure.ErasureReport],
    "catalog rebuild": Rebuilt,
}


def answer_schema(command: str) -> dict[str, Any]:
    """The JSON Schema of what ``mmreg COMMAND --json`` prints. Raises `NotFound`."""
    if command not in ANSWERS:
        raise NotFound(f"no command 'mmreg {command}'", hint="mmreg --help")
    schema = TypeAdapter(ANSWERS[command]).json_schema(mode="serialization")
    for part in (schema, *schema.get("$defs", {}).values()):
        _whole(part, _KINDS.get(part.get("title", "")))
    _or_null(schema)
    return schema


def _or_null(schema: Any) -> None:
    """A number may be null wherever it can be NaN or infinite, which JSON has no word for."""
    if isinstance(schema, dict):
        if schema.get("type") == "number":
            schema["type"] = ["number", "null"]
        for part in schema.values():
            _or_null(part)
    elif isinstance(schema, list):
        for part in schema:
            _or_null(part)


def _whole(schema: dict[str, Any], kind: type[Any] | None) -> None:
    """Every field is always printed, and so are the properties, which a dataclass's own schema leaves out."""
    if kind is None:
        return
    for name, member in inspect.getmembers(kind, lambda member: isinstance(member, property)):
        schema["properties"][name] = TypeAdapter(get_type_hints(member.fget)["return"]).json_schema()
    schema["required"] = list(schema["properties"])


_KINDS = {
    name: kind
    for home in (
        boost,
        check,
        compact,
        comparison,
        cost,
        damage,
        detail,
        diagnosis,
        erasure,
        exchange,
        find,
        finding,
        gate,
        gc,
        impact,
        license,
        leak,
        lineage,
        model,
        model_detail,
        orphans,
        plan,
        run,
        summary,
        why,
    )
    for name, kind in vars(home).items()
    if isinstance(kind, type) and is_dataclass(kind)
}
