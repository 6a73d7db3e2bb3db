"""Declared trainings: run the command on exact versions, once a seed, and register what it wrote.

The command runs in the project's folder. It finds what to do in its environment:

    MMREG_DATA            the exact version to train on: mmreg.open(os.environ["MMREG_DATA"])
    MMREG_SPLIT           its split, where the declaration names one
    MMREG_WHERE           the predicate that its rows are to fulfil, where the declaration has one
    MMREG_DATASETS        all that it is trained on, as JSON: [{"ref", "split", "where", "weight", "component"}]
    MMREG_EVAL_<DATASET>  the exact version of each dataset to evaluate on (upper case, - and . as _)
    MMREG_OUTPUT          the directory to write the checkpoint into
    MMREG_SEED, MMREG_PARAMS (JSON), MMREG_PROJECT

What it writes for the record beside the weights is told in `mmreg.curation.training_output`.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from mmreg.curation.training_output import taken
from mmreg.errors import MmregError, NotFound, TrainingFailed
from mmreg.registry.components import declared_components
from mmreg.registry.training import training
from mmreg.registry.usage import measured
from mmreg.schemas.declared_models import TrainingSpec
from mmreg.schemas.progress import Progress
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.training import Data, trained_on

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.row_sets import Ids
    from mmreg.registry.training import Training
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
    read = {data.dataset: data for data in trained_on(last)}
    for dataset in dict.fromkeys(data.from_ for data in spec.trained_on):
        if read[dataset].uuid not in {row.uuid for row in _same_data(registry, dataset)}:
            newest = registry.latest(dataset)
            return TrainingState((), f"trained on {read[dataset].ref}, the newest is {newest.ref}")
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
    on = {dataset: on.get(dataset) or registry.latest(dataset) for dataset in spec.reads}
    told = ", ".join(f"{on[data.from_].ref} ({on[data.from_].rows:,} rows)" for data in spec.trained_on)
    runs = []
    for seed in seeds:
        progress.message(f"training {name}, seed {seed}, on {told}")
        runs.append(_train(registry, name, spec, on, seed))
    return runs


def _train(registry: Registry, name: str, spec: TrainingSpec, on: Mapping[str, VersionRow], seed: int) -> Run:
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
        "init_from": spec.init_from,
        "components": declared_components(spec.components),
    }
    data = [
        Data(VersionRef.parse(on[one.from_].ref), one.split, one.where, one.weight, one.component)
        for one in spec.trained_on
    ]
    with training(registry, name, data, measure=False, **facts) as job:
        environment = {
            **os.environ,
            "MMREG_PROJECT": str(folder),
            "MMREG_OUTPUT": str(scratch),
            "MMREG_SEED": str(seed),
            "MMREG_PARAMS": json.dumps(dict(spec.params)),
            **dict(_data_told(data)),
            **dict(_evaluation_told(job, spec, on)),
        }
        with measured("children") as job.measured:
            _call(name, spec, folder, environment)
        wrote = taken(name, scratch)
        if not any(scratch.iterdir()):
            raise TrainingFailed(
                f"training {name}: the command wrote nothing to MMREG_OUTPUT", hint="save the weights there"
            )
        _saw(job, wrote.rows)
        job.spent(**wrote.cost)
        # The old weights stay until the new ones are complete; models keep their digest, not their path.
        if output.exists():
            shutil.rmtree(output)
        scratch.rename(output)
        job.save(output, wrote.metrics, samples_seen=wrote.samples_seen, parameters=wrote.parameters)
    assert job.run is not None
    return job.run


def _saw(job: Training, rows: Mapping[str | None, Ids]) -> None:
    try:
        for of, samples in rows.items():
            job.saw(samples, of)
    except MmregError as error:
        raise TrainingFailed(
            f"training {job.name}: the rows that it wrote: {error.message}", hint=error.hint
        ) from error


def _data_told(data: Sequence[Data]) -> Iterator[tuple[str, str]]:
    first = data[0]
    yield "MMREG_DATA", str(first.ref)
    for variable, value in (("MMREG_SPLIT", first.split), ("MMREG_WHERE", first.where)):
        if value is not None:
            yield variable, value
    yield "MMREG_DATASETS", json.dumps([{**asdict(one), "ref": str(one.ref)} for one in data])


def _evaluation_told(job: Training, spec: TrainingSpec, on: Mapping[str, VersionRow]) -> Iterator[tuple[str, str]]:
    for dataset, split in spec.evaluate_on.items():
        reader = job.evaluate_on(VersionRef.parse(on[dataset].ref))
        variable = "MMREG_EVAL_" + dataset.upper().replace("-", "_").replace(".", "_")
        yield variable, reader.ref
        if split is not None:
            yield variable + "_SPLIT", split


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


def _recipe(spec: TrainingSpec) -> str:
    said = spec.model_dump_json(include={"command", "params", "split", "init_from", "model"})
    # What came later counts only where it is said: models of before keep their recipe.
    later = spec.model_dump(mode="json", include={"where", "data"}, exclude_defaults=True)
    return xxhash.xxh3_64_hexdigest((said + (json.dumps(later, sort_keys=True) if later else "")).encode())


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
    for dataset in spec.reads:
        if not registry.exists(dataset):
            return f"dataset {dataset}"
    for model in spec.models:
        try:
            registry.catalog.checkpoint(ModelRef.parse(model))
        except NotFound:
            return f"model {model}"
    return None
