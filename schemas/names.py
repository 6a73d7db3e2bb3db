"""Names in a declaration that must mean something: which dataset, model and column each one refers to."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.columns import circles, misread_columns
from mmreg.schemas.declaration import SELECTIONS, ProjectSpec
from mmreg.schemas.declared import Wrong
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.suggest import did_you_mean


def roots_of(spec: ProjectSpec, dataset: str, made: Collection[str] = ()) -> str:
    """The root dataset behind ``dataset``: itself, or what its selections were made from.

    ``made`` are datasets that passes make as roots, which only their code can tell. Raises `NotFound`, and
    `UsageError` for a mixture of several roots.
    """
    first, *others = all_roots(spec, dataset, made)
    if others:
        several = ", ".join((first, *others))
        raise UsageError(
            f"{dataset!r} mixes rows of several roots ({several}), and only selections and trainings can read that",
            hint=f"read {first!r}, or a dataset made from it",
        )
    return first


def all_roots(spec: ProjectSpec, dataset: str, made: Collection[str] = ()) -> tuple[str, ...]:
    """The root datasets behind ``dataset``, of which only a mixture has several, in the order of its declaration.

    ``made`` as in `roots_of`.
    """
    made_from = {p.into: tuple(p.datasets) or (p.from_,) for p in spec.passes.values() if p.into}
    roots: dict[str, None] = {}
    waiting, seen = [dataset], {dataset}
    while waiting:
        name = waiting.pop(0)
        if name in spec.datasets or name in made:
            roots[name] = None
        elif name not in made_from:
            raise NotFound(f"no dataset {name!r} is declared{did_you_mean(name, _datasets(spec))}")
        waiting[:0] = [other for other in made_from.get(name, ()) if name not in roots and other not in seen]
        seen.update(waiting)
    if not roots:  # a circle
        raise NotFound(f"{dataset!r} is made from no root dataset")
    return tuple(roots)


def contradictions(spec: ProjectSpec) -> Iterator[Wrong]:
    """Everything in ``spec`` that refers to nothing, is made twice or waits for itself."""
    roots = {name: _root(spec, name) for name in _datasets(spec)}
    yield from _made_twice(spec)
    yield from _unknown_datasets(spec)
    yield from _without_one_root(spec)
    yield from _unknown_models(spec)
    yield from _both_names(spec)
    yield from misread_columns(spec, roots)
    yield from circles(spec, roots)


def _made_twice(spec: ProjectSpec) -> Iterator[Wrong]:
    """Two datasets of one name; also where only case tells them apart, which not every file system does."""
    seen: dict[str, str] = {}
    for name in spec.datasets:
        if (first := seen.setdefault(name.lower(), name)) != name:
            yield Wrong(f"{name!r} differs from {first!r} only by case", "datasets", name, key=True)
    for name, declared in spec.passes.items():
        if declared.into is None:
            continue
        earlier = seen.get(declared.into.lower())
        seen.setdefault(declared.into.lower(), declared.into)
        if earlier == declared.into:
            yield Wrong(
                f"there is already a dataset {earlier!r}; this one needs a name of its own",
                "passes",
                name,
                "into",
            )
        elif earlier is not None:
            yield Wrong(f"{declared.into!r} differs from {earlier!r} only by case", "passes", name, "into")


def _unknown_datasets(spec: ProjectSpec) -> Iterator[Wrong]:
    known = _datasets(spec)

    def unknown(name: str | None, *path: str | int, key: bool = False) -> Iterator[Wrong]:
        if name is not None and name not in known:
            yield Wrong(f"there is no dataset {name!r}{did_you_mean(name, known)}", *path, key=key)

    for name, dataset in spec.datasets.items():
        for column, declared in dataset.columns.items():
            yield from unknown(declared.dataset, "datasets", name, "columns", column, "dataset")
    for name, curation in spec.passes.items():
        yield from unknown(curation.from_ or None, "passes", name, "from")
        yield from _unsplit(spec, curation.from_, curation.split, "passes", name, "split")
        if curation.sample:
            yield from unknown(curation.sample.like, "passes", name, "sample", "like")
        for operator in ("all_of", "any_of", "none_of"):
            for index, other in enumerate(getattr(curation, operator)):
                yield from unknown(other, "passes", name, operator, index)
        for other in curation.datasets:
            yield from unknown(other, "passes", name, "datasets", other, key=True)
    for name, training in spec.trainings.items():
        for at, data in enumerate(training.trained_on):
            place = ("data", at) if training.data else ()
            yield from unknown(data.from_, "trainings", name, *place, "from")
            yield from _unsplit(spec, data.from_, data.split, "trainings", name, *place, "split")
        for dataset_name, split in training.evaluate_on.items():
            yield from unknown(dataset_name, "trainings", name, "evaluate_on", dataset_name, key=True)
            yield from _unsplit(spec, dataset_name, split, "trainings", name, "evaluate_on", dataset_name)
    for name in spec.checks:
        yield from unknown(name, "checks", name, key=True)


def _without_one_root(spec: ProjectSpec) -> Iterator[Wrong]:
    """Row sets are compared row by row, which takes a root in common; columns are made in exactly one."""
    for name, declared in spec.passes.items():
        roots = _roots(spec, declared.from_)
        if declared.into is None and len(roots) > 1:
            yield Wrong(
                f"{declared.from_!r} mixes rows of several roots ({', '.join(roots)}): a pass makes its columns in one",
                "passes",
                name,
                "from",
            )
        for operator in ("all_of", "any_of", "none_of"):
            for index, other in enumerate(getattr(declared, operator)):
                theirs = _roots(spec, other)
                if roots and theirs and not set(roots) & set(theirs):
                    message = f"{other!r} has rows of {', '.join(theirs)}, {declared.from_!r} of {', '.join(roots)}"
                    yield Wrong(f"{message}: they have none in common", "passes", name, operator, index)


def _unsplit(spec: ProjectSpec, dataset: str, split: str | None, *path: str | int) -> Iterator[Wrong]:
    if split is not None and dataset in spec.datasets:
        yield Wrong(f"{dataset!r} is a root dataset and has no splits; make some with a pass: use: split", *path)


def _both_names(spec: ProjectSpec) -> Iterator[Wrong]:
    for name, declared in spec.passes.items():
        if declared.renamed_from in spec.passes:
            yield Wrong(f"{declared.renamed_from!r} is declared as well", "passes", name, "renamed_from")


def _unknown_models(spec: ProjectSpec) -> Iterator[Wrong]:
    known = {*spec.models, *(training.model for training in spec.trainings.values())}
    named: list[tuple[str | None, str, str, str]] = [
        *((p.model, "passes", name, "model") for name, p in spec.passes.items()),
        *((t.init_from, "trainings", name, "init_from") for name, t in spec.trainings.items()),
    ]
    for text, *path in named:
        if text is not None and (name := ModelRef.parse(text).name) not in known:
            yield Wrong(f"no model {name!r} is declared and no training makes it{did_you_mean(name, known)}", *path)


def _root(spec: ProjectSpec, dataset: str) -> str | None:
    """The one root behind ``dataset``; None where there is none, or several."""
    roots = _roots(spec, dataset)
    return roots[0] if len(roots) == 1 else None


def _roots(spec: ProjectSpec, dataset: str) -> tuple[str, ...]:
    """Those that the declaration alone can tell: none where code decides whether a pass makes rows of its own."""
    coded = {p.into for p in spec.passes.values() if p.into and p.use not in SELECTIONS}
    try:
        roots = all_roots(spec, dataset, coded)
    except NotFound:
        return ()
    return () if coded & set(roots) else roots


def _datasets(spec: ProjectSpec) -> list[str]:
    return [*spec.datasets, *(p.into for p in spec.passes.values() if p.into)]
