"""Say how the model of the curated version and its control came out, whichever is better."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from mmreg import Registry
from mmreg.schemas.run import Run

TRAININGS = {"clip": "curated rows, cleaned captions", "clip_control": "random raw rows, raw titles"}
QUERIES = {
    "r@": "text -> image, mean of both formats",
    "title_t2i_r@": "  query = raw title",
    "caption_t2i_r@": "  query = cleaned caption",
    "title_i2t_r@": "image -> text, raw titles",
    "caption_i2t_r@": "image -> text, cleaned captions",
}
RANKS = (1, 5, 10)


def main() -> None:
    registry = Registry.open()
    models = {model.digest: model for model in registry.models()}
    print(f"{'recall in % on the same held-out pairs':40}{'R@1':>7}{'R@5':>7}{'R@10':>7}")
    for training, rows in TRAININGS.items():
        runs = newest_by_seed(registry.runs("training"), training)
        for seed in registry.spec.trainings[training].seeds:
            if seed not in runs:
                sys.exit(f"training {training} has left no model yet, try: mmreg apply {training}")
            model = models[runs[seed].checkpoints[0]["digest"]]
            print(f"{model.name}, seed {seed}: {rows}")
            print(section(model.metrics))


def newest_by_seed(runs: list[Run], training: str) -> dict[int, Run]:
    """Of ``runs``, the newest first, the last one of ``training`` for each seed that left a checkpoint."""
    done = [run for run in reversed(runs) if run.job.name == training and run.checkpoints]
    return {run.facets["training"]["seed"]: run for run in done}


def section(metrics: Mapping[str, float]) -> str:
    """What one model learned from, what it scored, and what chance would score."""
    pairs = int(metrics["heldout_pairs"])
    lines = [
        "  {train_pairs:.0f} pairs ({train_left_out:.0f} left out that look like a held-out picture),"
        " {train_steps:.0f} steps, {train_seconds:.0f} s".format_map(metrics)
    ]
    lines += [_line(label, [metrics[f"{prefix}{k}"] for k in RANKS]) for prefix, label in QUERIES.items()]
    return "\n".join([*lines, _line(f"chance ({pairs} held-out pairs)", [min(1, k / pairs) for k in RANKS])])


def _line(label: str, shares: list[float]) -> str:
    return f"  {label:38}" + "".join(f"{100 * share:7.1f}" for share in shares)


if __name__ == "__main__":
    main()
