"""Models and checkpoints as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmreg.cli.render.layout import Line, Styled, facts, render, render_list, table
from mmreg.cli.text import clip, moment, size
from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.model_detail import ModelDetail
from mmreg.schemas.summary import ModelSummary
from mmreg.schemas.training import COST, TrainedOn


@render_list.register(ModelSummary)
def _(first: ModelSummary, values: Sequence[ModelSummary]) -> Iterator[Line]:
    return table(
        ("MODEL", "DIGEST", "ALIASES", "FRAMEWORK", "SIZE", "TRAINED ON", "METRICS", "REGISTERED (UTC)"),
        (
            (
                Styled(m.name, "bold"), m.digest[:12], Styled(", ".join(m.aliases), "green"), m.framework,
                Styled("opaque", "yellow") if m.opaque else size(m.size_bytes), ", ".join(m.trained_on),
                clip(metrics(m.metrics), 48), Styled(moment(m.created_at), "dim"),
            )
            for m in values
        ),
    )  # fmt: skip


@render.register(ModelSummary)
def _(value: ModelSummary) -> Iterator[Line]:
    yield (Styled(value.name, "bold"), "  ", Styled(" ".join(value.aliases), "green"))
    yield from facts(
        {
            "digest": value.digest,
            "framework": value.framework,
            "size": size(value.size_bytes),
            "path": value.path,
            "trained on": ", ".join(value.trained_on),
            "metrics": metrics(value.metrics),
            "base": value.base,
            "license": value.license,
            "registered": f"{moment(value.created_at)} UTC",
            "run": value.run,
        },
        indent="  ",
    )


@render.register(Checkpoint)
def _checkpoint(value: Checkpoint) -> Iterator[Line]:
    yield (Styled(value.name, "bold"), Styled("  weights unknown (opaque)", "yellow") if value.opaque else "")
    yield from facts(
        {
            "digest": value.digest,
            "framework": value.framework,
            "size": "" if value.opaque else size(value.size_bytes),
            "path": value.path,
            "uri": value.uri,
            "base": value.base,
            "license": value.license or "unknown",
            **{name: _fact(fact) for name, fact in value.facts.items()},
        },
        indent="  ",
    )
    if value.components:
        yield from table(
            ("  COMPONENT", "STAGE", "TRAINED ON", "MODEL", "PARAMETERS", "TENSORS"),
            (
                (
                    f"  {part.name}", _stage(part), ", ".join(part.trained_on),
                    part.model or "", f"{part.parameters:,}" if part.parameters is not None else "",
                    part.digest[:12] if part.digest else "",
                )
                for part in value.components
            ),
        )  # fmt: skip
    yield from table(("  FILE", "SHA-256"), ((f"  {name}", digest) for name, digest in value.files.items()))


@render.register(ModelDetail)
def _(value: ModelDetail) -> Iterator[Line]:
    yield from _checkpoint(value)
    if value.aliases:
        yield from facts({"aliases": ", ".join(value.aliases)}, indent="  ")
    for made in value.trainings:
        yield ("  trained by ", Styled(made.name, "bold"), Styled(f"  run:{made.run}", "dim"))
        counted = f"{made.samples_seen:,}" if made.samples_seen is not None else ""
        told = {
            **{f"data {number}": data(one) for number, one in enumerate(made.data, 1)},
            "seed": "" if made.seed is None else str(made.seed),
            "samples seen": counted,
            "metrics": metrics(made.metrics),
            "cost": spent(made.cost),
        }
        yield from facts(told, indent="    ")
    if value.evaluations:
        yield from table(
            ("  EVALUATED ON", "SPLIT", "SEED", "BY", "METRICS", "ENDED (UTC)"),
            (
                (
                    f"  {e.ref}", e.split or "", "" if e.seed is None else str(e.seed), e.evaluator or "",
                    clip(metrics(e.metrics), 48), Styled(moment(e.ended_at), "dim"),
                )
                for e in value.evaluations
            ),
        )  # fmt: skip


def _stage(part: Component) -> str:
    return ", ".join(filter(None, (part.stage, "frozen" if part.frozen else "")))


def data(read: TrainedOn) -> str:
    """``splits@v1:train (projector, weight 0.5, where n > 3), 12 rows``."""
    weight = f"weight {read.weight:g}" if read.weight is not None else None
    said = list(filter(None, (read.component, weight, f"where {read.where}" if read.where else None)))
    told = f"{read} ({', '.join(said)})" if said else str(read)
    if read.count is None:
        return told
    return f"{told}, {read.count:,} rows{f' (row set {read.rows[:12]})' if read.rows else ''}"


def spent(cost: Mapping[str, Any]) -> str:
    """``3.2 cpu_s, 12.5 EUR``."""
    units = {"money": str(cost.get("currency", "money"))}
    return ", ".join(f"{cost[name]:,.6g} {units.get(name, name)}" for name in COST if name in cost)


def metrics(values: Mapping[str, float]) -> str:
    """``recall@1 0.312, loss 1.2``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {told}" for name, told in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
