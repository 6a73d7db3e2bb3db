"""Declared trainings: run the command on exact versions, once a seed, and register what it wrote.

The command runs in the project's folder. It finds what to do in its environment:

    MMREG_DATA            the exact version to train on: mmreg.open(os.environ["MMREG_DATA"])
    MMREG_SPLIT           its split, where the declaration names one
    MMREG_EVAL_<DATASET>  the exact version of each dataset to evaluate on (upper case, - and . as _)
    MMREG_OUTPUT          the directory to write the checkpoint into
    MMREG_SEED, MMREG_PARAMS (JSON), MMREG_PROJECT

A ``metrics.json`` in the output (name: number) is recorded as what the model scored; it is no part of the weights.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from mmreg.errors import NotFound, TrainingFailed
from mmreg.registry.training import training
from mmreg.schemas.declaration import TrainingSpec
from mmreg.schemas.progress import Progress
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.training import Data

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.catalog import VersionRow
    from mmreg.schemas.run import Run


@dataclass(frozen=True)
class TrainingState:
    """How a declared training stands. ``due`` are the seeds that have no model of this recipe yet; ``moved`` says
    what changed since the models were made, where only data or code did."""

    due: tuple[int, ...]
    moved: str | None


def training_state(registry: Registry, name: str) -> TrainingState:
    """Compare the declaration and the newest data with the trainings that were recorded."""
    spec = registry.spec.trainings[name]
    done = {
        run.facets["training"].get("seed"): run
        for run in reversed(registry.catalog.runs("training", name))
        if run.state == "complete" and run.facets["training"].get("recipe") == _recipe(spec)
    }
    due = tuple(seed for seed in spec.seeds if seed not in done)
    if due:
        return TrainingState(due, None)
    last = done[spec.seeds[0]]
    trained_on = {i.id for i in last.inputs if i.role == "trained_on"}
    newest = registry.latest(spec.from_)
    if not trained_on & {row.uuid for row in _same_data(registry, spec.from_)}:
        ref = next(i.ref for i in last.inputs if i.role == "trained_on")
        return TrainingState((), f"trained on {ref}, the newest is {newest.ref}")
    if last.facets["training"].get("code") != _code(registry, spec):
        return TrainingState((), "the command's own code changed")
    return TrainingState((), None)


def _same_data(registry: Registry, dataset: str) -> Iterator[VersionRow]:
    """The newest version of a dataset, and the ones before it that differ from it in their columns alone."""
    for row in registry.catalog.versions(dataset):
        yield row
        if row.job_kind not in ("schema", "drop"):
            return


def run_training(
    registry: Registry, name: str, seeds: tuple[int, ...], progress: Progress, on: Mapping[str, VersionRow]
) -> list[Run]:
    """Train once for each of ``seeds`` and register the checkpoints. Raises `TrainingFailed`.

    ``on``: by dataset the versions to read, which were checked; of others it is the newest.
    """
    spec = registry.spec.trainings[name]
    on = {dataset: on.get(dataset) or registry.latest(dataset) for dataset in (spec.from_, *spec.evaluate_on)}
    row = on[spec.from_]
    runs = []
    for seed in seeds:
        progress.message(f"training {name}, seed {seed}, on {row.ref} ({row.rows:,} rows)")
        runs.append(_train(registry, name, spec, on, seed))
    return runs


def _train(registry: Registry, name: str, spec: TrainingSpec, on: Mapping[str, VersionRow], seed: int) -> Run:
    row = on[spec.from_]
    folder = registry.project.folder
    output = folder / spec.output / (f"seed-{seed}" if len(spec.seeds) > 1 else "")
    scratch = output.with_name(output.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    facts: dict[str, Any] = {
        "model": spec.model,
        "framework": spec.framework,
        "license": spec.license,
        "command": list(spec.command),
        "params": dict(spec.params),
        "seed": seed,
        "recipe": _recipe(spec),
        "code": _code(registry, spec),
        "alias": spec.alias if seed == spec.seeds[0] else None,
        "init_from": _exact_model(registry, spec.init_from),
    }
    with training(registry, name, [Data(VersionRef.parse(row.ref), spec.split)], **facts) as job:
        environment = {
            **os.environ,
            "MMREG_PROJECT": str(folder),
            "MMREG_DATA": f"{row.ref}",
            "MMREG_OUTPUT": str(scratch),
            "MMREG_SEED": str(seed),
            "MMREG_PARAMS": json.dumps(dict(spec.params)),
        }
        if spec.split is not None:
            environment["MMREG_SPLIT"] = spec.split
        for dataset, split in spec.evaluate_on.items():
            reader = job.evaluate_on(VersionRef.parse(on[dataset].ref))
            variable = "MMREG_EVAL_" + dataset.upper().replace("-", "_").replace(".", "_")
            environment[variable] = reader.ref
            if split is not None:
                environment[variable + "_SPLIT"] = split
        _call(name, spec, folder, environment)
        metrics = _metrics(name, scratch)
        if not any(scratch.iterdir()):
            raise TrainingFailed(
                f"training {name}: the command wrote nothing to MMREG_OUTPUT", hint="save the weights there"
            )
        # The old weights stay until the new ones are complete; models keep their digest, not their path.
        if output.exists():
            shutil.rmtree(output)
        scratch.rename(output)
        job.save(output, metrics)
    assert job.run is not None
    return job.run


def _call(name: str, spec: TrainingSpec, folder: Path, environment: dict[str, str]) -> None:
    command = list(spec.command)
    if command[0] in ("python", "python3"):
        command[0] = sys.executable  # the interpreter that has mmreg
    try:
        # What the command prints is talk: stdout is for data.
        ended = subprocess.run(command, cwd=folder, env=environment, stdout=_talk(), check=False)
    except OSError as error:
        raise TrainingFailed(f"training {name}: {command[0]}: {error.strerror}", hint="mend 'command:'") from error
    if ended.returncode:
        raise TrainingFailed(
            f"training {name}: {' '.join(spec.command)} ended with status {ended.returncode}",
            hint=f"read what it printed, then: mmreg apply {name}",
        )


def _talk() -> int:
    """Where talk goes; in a notebook ``sys.stderr`` is no file, and the terminal's is taken."""
    try:
        return sys.stderr.fileno()
    except io.UnsupportedOperation:
        return 2


def _metrics(name: str, output: Path) -> dict[str, float]:
    file = output / "metrics.json"
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text())
        metrics = {str(key): float(value) for key, value in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise TrainingFailed(f"training {name}: metrics.json is no map of numbers: {error}") from error
    file.unlink()
    return metrics


def _exact_model(registry: Registry, ref: str | None) -> str | None:
    if ref is None:
        return None
    checkpoint = registry.catalog.checkpoint(ModelRef.parse(ref))
    return f"{checkpoint.name}@{checkpoint.digest[:16]}"


def _recipe(spec: TrainingSpec) -> str:
    return xxhash.xxh3_64_hexdigest(
        spec.model_dump_json(include={"command", "params", "split", "init_from", "model"}).encode()
    )


def _code(registry: Registry, spec: TrainingSpec) -> str:
    """A digest of the files of the project that the command names."""
    digest = xxhash.xxh3_64()
    for word in spec.command:
        file = registry.project.folder / word
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def waits_for(registry: Registry, spec: TrainingSpec) -> str | None:
    """What a training waits for, in words; None where it can run."""
    for dataset in (spec.from_, *spec.evaluate_on):
        if not registry.exists(dataset):
            return f"dataset {dataset}"
    if spec.init_from is not None:
        try:
            registry.catalog.checkpoint(ModelRef.parse(spec.init_from))
        except NotFound:
            return f"model {spec.init_from}"
    return None
