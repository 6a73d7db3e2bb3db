"""Everything about one checkpoint, from the index alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmreg.schemas.model_detail import Evaluated, Made, ModelDetail
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import trained_on

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def model_show(workspace: Workspace, ref: ModelRef) -> ModelDetail:
    """The checkpoint that ``ref`` means, with all that was recorded of it. Raises `NotFound`."""
    found = workspace.catalog.checkpoint(ref)
    node = f"checkpoint:{found.digest}"
    made = _runs(workspace, workspace.catalog.next_runs(node, "up"), "training")
    judged = _runs(workspace, workspace.catalog.next_runs(node, "down"), "evaluation")
    aliases = workspace.catalog.aliases(found.name)
    return ModelDetail(
        **{name: getattr(found, name) for name in type(found).__dataclass_fields__},
        aliases=tuple(sorted(alias for alias, digest in aliases.items() if digest == found.digest)),
        trainings=tuple(_made(run, found.digest) for run in made),
        evaluations=tuple(_evaluated(run, found.digest) for run in judged if _judges(run, found.digest)),
    )


def _runs(workspace: Workspace, ids: list[str], kind: str) -> list[Run]:
    runs = workspace.catalog.runs_with(id.removeprefix("run:") for id in ids)
    found = [run for run in runs if run.job.kind == kind and run.state is RunState.COMPLETE]
    return sorted(found, key=lambda run: (run.ended_at, run.id), reverse=True)


def _made(run: Run, digest: str) -> Made:
    told = run.facets.get("training", {})
    return Made(
        run.id,
        run.job.name,
        run.ended_at,
        trained_on(run),
        told.get("seed"),
        told.get("samples_seen"),
        run.facets.get("cost", {}),
        _metrics(run, digest),
    )


def _judges(run: Run, digest: str) -> bool:
    """Whether an evaluation is of this model; it may be the one that judged."""
    return bool(run.facets.get("evaluation", {}).get("model", digest) == digest)


def _evaluated(run: Run, digest: str) -> Evaluated:
    told = run.facets.get("evaluation", {})
    on = next((i.ref for i in run.inputs if i.role == "evaluated_on"), "")
    judge = (told.get("evaluator") or {}).get("name")
    return Evaluated(run.id, on, run.ended_at, _metrics(run, digest), told.get("split"), told.get("seed"), judge)


def _metrics(run: Run, digest: str) -> dict[str, float]:
    """Those of one checkpoint; an evaluation that an older mmreg recorded has them flat."""
    found: Mapping[str, Any] = run.facets.get("metrics", {})
    own = found.get(digest, found)
    return {name: value for name, value in own.items() if not isinstance(value, Mapping)}
