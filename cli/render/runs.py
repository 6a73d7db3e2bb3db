"""Runs as text: trainings and evaluations, newest first as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmreg.cli.render.layout import Line, Styled, facts, render, render_list, table
from mmreg.cli.render.models import data, metrics, spent
from mmreg.cli.text import clip, moment
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import trained_on


@render_list.register(Run)
def _(first: Run, values: Sequence[Run]) -> Iterator[Line]:
    return table(
        ("RUN", "WHAT", "STATE", "READ", "MADE", "METRICS", "ENDED (UTC)"),
        (
            (
                run.id, Styled(f"{run.job.kind} {run.job.name}", "bold"), _state(run),
                clip(", ".join(i.ref for i in run.inputs), 48), clip(", ".join(_made(run)), 48),
                clip(metrics(_metrics(run)), 48), Styled(moment(run.ended_at), "dim"),
            )
            for run in values
        ),
    )  # fmt: skip


@render.register(Run)
def _(value: Run) -> Iterator[Line]:
    yield (Styled(f"{value.job.kind} {value.job.name}", "bold"), "  ", _state(value))
    yield from facts(
        {
            "run": value.id,
            "read": ", ".join(f"{i.ref} ({i.role})" for i in value.inputs),
            "made": ", ".join(_made(value)),
            "metrics": metrics(_metrics(value)),
            **_training(value),
            "cost": spent(value.facets.get("cost", {})),
            "started": f"{moment(value.started_at)} UTC",
            "ended": f"{moment(value.ended_at)} UTC",
        },
        indent="  ",
    )


def _training(run: Run) -> dict[str, str]:
    """What its facets tell of a training, or of an evaluation."""
    told = {**run.facets.get("training", {}), **run.facets.get("evaluation", {})}
    counts = {name: told[name] for name in ("samples_seen", "parameters") if told.get(name) is not None}
    return {
        "data": "; ".join(map(data, trained_on(run) if run.job.kind == "training" else ())),
        "split": str(told.get("split") or "") if run.job.kind == "evaluation" else "",
        "seed": "" if told.get("seed") is None else str(told["seed"]),
        "evaluator": str((told.get("evaluator") or {}).get("name", "")),
        **{name.replace("_", " "): f"{number:,}" for name, number in counts.items()},
    }


def _made(run: Run) -> Iterator[str]:
    yield from (output.ref for output in run.outputs)
    yield from (f"model:{c['name']}@{c['digest'][:12]}" for c in run.checkpoints)


def _state(run: Run) -> Styled:
    return Styled(run.state, "green" if run.state is RunState.COMPLETE else "red")


def _metrics(run: Run) -> Mapping[str, float]:
    """An evaluation keeps them flat, a training for each checkpoint that it wrote."""
    found = run.facets.get("metrics", {})
    if not any(isinstance(value, Mapping) for value in found.values()):
        return dict(found)
    return {name: value for per_checkpoint in found.values() for name, value in per_checkpoint.items()}
