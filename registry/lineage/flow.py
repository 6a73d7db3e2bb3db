"""What flows from where to where, column by column: the steps of which every answer about lineage is made.

A step leads from one `Place` to the next one downstream. Which steps a run takes is told by its record and by the
versions that it built on, and by nothing else; so they can be walked up and down alike, and no data is opened.

- A run has a place for each column that it wrote (``of`` that version) and one for the rows that it made or chose.
- What a run did not write, a version carries over from the one before it, or refers to in its roots.
- Who reads a column reads the rows that there are of it, too. So what a selection went by reaches what is made of what
  it chose, and not the values that a version of it refers to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mmreg.schemas.lineage import EdgeKind
from mmreg.schemas.run import Run, RunInput

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog, VersionRow

ROWS = ""
"""In the place of a column: which rows there are."""
OF_ROWS = frozenset({"sample_id", "parent", "origin"})
"""Columns that say which rows there are."""
AT_ONCE = 100
"""Versions of a dataset whose runs are read together: who asks for one goes on to those beside it."""
Columns = frozenset[str] | None
"""Which columns of a version count; None: all. With none of them only counts which rows it has."""
ROWS_ALONE: Columns = frozenset()


class Place(NamedTuple):
    """A column of a version, what a run wrote to a column ``of`` a version, or a model or a source as a whole."""

    node: str
    column: str = ROWS
    of: str = ""


class Step(NamedTuple):
    """From upstream to downstream. ``via``: carried over, no run did anything to it."""

    source: Place
    target: Place
    kind: EdgeKind


@dataclass(frozen=True)
class Use:
    """Something that was read: which columns of it, and which split where it was one."""

    what: RunInput
    columns: Columns = None
    split: str | None = None


class Flow:
    """The steps of a registry's runs; each record is read once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._runs: dict[str, Run] = {}
        self._beside: dict[str, Sequence[VersionRow]] = {}
        self._datasets: dict[str, _Dataset] = {}
        self._rows: dict[str, VersionRow] = {}
        self._steps: dict[str, _Steps] = {}
        self._next: dict[tuple[str, str], Sequence[str]] = {}

    def above(self, place: Place) -> Iterator[Step]:
        """The steps that lead to ``place``."""
        for run in self._makers(place):
            yield from self.steps(run).into.get(place, ())

    def below(self, place: Place) -> Iterator[Step]:
        """The steps that lead on from ``place``."""
        for run in self._users(place):
            yield from self.steps(run).out_of.get(place, ())

    def run(self, id: str) -> Run:
        if id not in self._runs:
            beside = [row.run for row in self._beside.get(id, ()) if row.run not in self._runs]
            self._runs |= {run.id: run for run in self._catalog.runs_with(dict.fromkeys(beside))}
        if id not in self._runs:
            self._runs[id] = self._catalog.run(id)
        return self._runs[id]

    def versions(self, dataset: str) -> Sequence[VersionRow]:
        """The versions of ``dataset``, the newest first."""
        return self._dataset(dataset).rows

    def row(self, node: str) -> VersionRow | None:
        """The version of a node, where its dataset has been met."""
        return self._rows.get(node)

    def version(self, used: RunInput) -> VersionRow | None:
        """The version that a run read; None where nobody knows it any more."""
        return self._find(used.ref.partition("@")[0], used.id) if used.kind == "version" else None

    def is_of(self, place: Place, dataset: str) -> bool:
        """Whether ``place`` is of a version of ``dataset``."""
        row = self._rows.get(place.node)
        return row is not None and row.dataset == dataset

    def columns(self, row: VersionRow) -> Sequence[str]:
        """The columns that a version has, without those that say which rows these are."""
        if row.kind == "derived":
            roots = (self._find(pin["dataset"], pin["uuid"]) for pin in row.roots)
            return tuple(dict.fromkeys(name for root in roots if root is not None for name in self.columns(root)))
        return self._dataset(row.dataset).columns.get(row.uuid, ())

    def places(self, node: str, columns: Iterable[str]) -> Iterator[Place]:
        """``columns`` of the version whose node is ``node``."""
        return (Place(node, ROWS if column in OF_ROWS else column) for column in columns)

    def all_places(self, node: str) -> Sequence[Place]:
        """Every place of a node."""
        kind, _, id = node.partition(":")
        if kind == "run":
            return self.steps(id).places
        row = self._rows.get(node)
        return [Place(node), *self.places(node, self.columns(row) if row is not None else ())]

    def steps(self, run: str) -> _Steps:
        """All that a run does."""
        if run not in self._steps:
            self._steps[run] = _Steps(f"run:{run}", tuple(self._of_run(self.run(run))))
        return self._steps[run]

    def reads(self, run: Run) -> Iterator[Use]:
        """What the outputs of ``run`` come from."""
        select = run.facets.get("select", {})
        base = {chosen_from["uuid"]: chosen_from.get("split") for chosen_from in select.get("base", ())}
        apart = _apart(select.get("recipe", {}))
        training = run.facets.get("training", {})
        for used in run.inputs:
            if used.role == "evaluated_on" or (used.id not in base and used.ref.partition("@")[0] in apart):
                continue
            if used.role == "trained_on":
                told = [data.get("split") for data in training.get("data", ()) if data["uuid"] == used.id]
                for split in dict.fromkeys(told or [training.get("split")]):
                    yield Use(used, None, split)
            elif used.kind != "version":
                yield Use(used)
            elif select:
                row = self.version(used)
                derived = row is not None and row.kind == "derived"
                yield Use(used, ROWS_ALONE if derived else frozenset(select.get("columns", ())), base.get(used.id))
            elif run.job.kind == "pass":
                yield Use(used, frozenset(used.columns))
            else:
                yield Use(used)

    def _makers(self, place: Place) -> Iterable[str]:
        """The runs that may have steps to ``place``."""
        kind, _, id = place.node.partition(":")
        if kind == "run":
            return [id]
        row = self._rows.get(place.node)
        return [row.run] if row is not None else self._near(place.node, "up")

    def _users(self, place: Place) -> Iterable[str]:
        kind, _, id = place.node.partition(":")
        if kind == "run":
            return [id]
        row = self._rows.get(place.node)
        if row is None:
            return self._near(place.node, "down")
        # A run may give a derived dataset the version of a root that it made itself, with rows that it did not read.
        after = self._dataset(row.dataset).after(row)
        return dict.fromkeys([*self._near(place.node, "down"), row.run, *([after.run] if after is not None else [])])

    def _near(self, node: str, direction: str) -> Sequence[str]:
        if (node, direction) not in self._next:
            self._next[node, direction] = self._catalog.next_runs(node, direction)
        return self._next[node, direction]

    def _dataset(self, name: str) -> _Dataset:
        if name not in self._datasets:
            found = self._catalog.versions(name)
            self._rows |= {f"version:{row.uuid}": row for row in found}
            for first in range(0, len(found), AT_ONCE):
                part = found[first : first + AT_ONCE]
                self._beside |= dict.fromkeys((row.run for row in part), part)
            self._datasets[name] = _Dataset(found, self.run)
        return self._datasets[name]

    def _find(self, dataset: str, uuid: str) -> VersionRow | None:
        self._dataset(dataset)
        return self._rows.get(f"version:{uuid}")

    # What a run does

    def _of_run(self, run: Run) -> Iterator[Step]:
        read = [place for use in self.reads(run) for place in self._read(use)]
        for output in run.outputs:
            row = self._find(output.dataset, output.uuid)
            if row is not None:
                yield from self._root(run, row, read) if output.kind == "root" else self._derived(run, row, read)
        for made in run.checkpoints:
            port = Place(f"run:{run.id}", of=f"checkpoint:{made['digest']}")
            yield from _through(read, port, Place(port.of))
        nothing = not run.outputs and not run.checkpoints
        ends = [used for used in run.inputs if nothing or used.role == "evaluated_on"]
        for used in ends:
            for source, kind in self._read(Use(used, frozenset(used.columns) or None)):
                yield Step(source, Place(f"run:{run.id}"), kind)

    def _read(self, use: Use) -> Iterator[tuple[Place, EdgeKind]]:
        node = f"{use.what.kind}:{use.what.id}"
        yield Place(node), use.what.role
        row = self.version(use.what)
        columns: Iterable[str] = use.columns or ()
        if use.columns is None and row is not None:
            columns = self.columns(row)
        yield from ((place, use.what.role) for place in self.places(node, columns))

    def _root(self, run: Run, row: VersionRow, read: Sequence[_Read]) -> Iterator[Step]:
        """The steps to a version of a root: what the run wrote, and what comes from the version before."""
        before = self._dataset(row.dataset).before(row)
        had = frozenset(self.columns(before)) if before is not None else frozenset()
        called = _earlier_names(run)
        written = _written(run, row, self.columns(row))
        whole = before is not None and _replaces_all(run, row, before)
        for column in (ROWS, *self.columns(row)):
            here, was = Place(f"version:{row.uuid}", column), called.get(column, column)
            port = Place(f"run:{run.id}", column, here.node)
            from_before = before is not None and was is not None and (was in had or column == ROWS)
            above = Place(f"version:{before.uuid}", was or ROWS) if before is not None and from_before else None
            if column in written and run.job.kind in ("schema", "erasure"):
                kind: EdgeKind = "used" if above and any(above.node == place.node for place, _ in read) else "continues"
                yield from _through([(above, kind)] if above else [], port, here)
            elif column in written:
                yield from _through(read, port, here)
                if above is not None and not whole:
                    yield Step(above, here, "via")
            elif above is not None:
                yield Step(above, here, "via")

    def _derived(self, run: Run, row: VersionRow, read: Sequence[_Read]) -> Iterator[Step]:
        """The steps to a version that refers to others: its columns are theirs, its rows chosen or as before."""
        node = f"version:{row.uuid}"
        for pin in row.roots:
            root = self._find(pin["dataset"], pin["uuid"])
            for column in self.columns(root) if root is not None else ():
                yield Step(Place(f"version:{pin['uuid']}", column), Place(node, column), "via")
        before = self._dataset(row.dataset).before(row)
        rows_before = Place(f"version:{before.uuid}") if before is not None else None
        port = Place(f"run:{run.id}", ROWS, node)
        if run.job.kind == "erasure" and rows_before is not None:
            yield from _through([(rows_before, "used")], port, Place(node))
        elif run.job.kind in ("select", "unattributed"):
            yield from _through(read, port, Place(node))
        if run.job.kind not in ("select", "erasure") and rows_before is not None:
            yield Step(rows_before, Place(node), "via")


_Read = tuple[Place, EdgeKind]


class _Steps:
    """The steps of a run, found by either end."""

    def __init__(self, run: str, steps: Sequence[Step]) -> None:
        self.into: dict[Place, list[Step]] = {}
        self.out_of: dict[Place, list[Step]] = {}
        for step in dict.fromkeys(steps):
            self.into.setdefault(step.target, []).append(step)
            self.out_of.setdefault(step.source, []).append(step)
        there = (*self.into, *self.out_of)
        self.places = tuple(dict.fromkeys(place for place in there if place.node == run)) or (Place(run),)


class _Dataset:
    """The versions of a dataset, the newest first, and of a root the columns that each has."""

    def __init__(self, rows: Sequence[VersionRow], run_of: _RunOf) -> None:
        self.rows, self._run_of = rows, run_of
        self._place = {row.uuid: place for place, row in enumerate(rows)}

    def before(self, row: VersionRow) -> VersionRow | None:
        """The version below ``row``; None for the first, and where nobody can tell."""
        if not row.lance_version:
            return None
        older = (other for other in self.rows[self._place[row.uuid] + 1 :] if other.kind == row.kind)
        return next((other for other in older if 0 < other.lance_version < row.lance_version), None)

    def after(self, row: VersionRow) -> VersionRow | None:
        """The version above ``row``; None for the newest."""
        place = self._place[row.uuid]
        return self.rows[place - 1] if place else None

    @cached_property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        there: dict[str, None] = {}
        for row in reversed(self.rows):
            if row.kind != "root":
                continue
            if row.job_kind in ("schema", "drop"):
                run = self._run_of(row.run)
                now = {old: new for new, old in _earlier_names(run).items() if old is not None}
                gone = set(run.facets.get("schema", {}).get("dropped", ()))
                there = {now.get(name, name): None for name in there if name not in gone}
            there |= dict.fromkeys(name for name in row.columns if name not in OF_ROWS)
            found[row.uuid] = tuple(there)
        return found


if TYPE_CHECKING:
    from collections.abc import Callable

    _RunOf = Callable[[str], Run]


def _through(read: Iterable[_Read], port: Place, made: Place) -> Iterator[Step]:
    """From what a run read to what it wrote there, and on to what that is of."""
    yield from (Step(source, port, kind) for source, kind in read)
    yield Step(port, made, "generated")


def _earlier_names(run: Run) -> dict[str, str | None]:
    """What columns of the version that ``run`` made were called before, where it changed that; None: not there."""
    facet = run.facets.get("schema", {})
    names: dict[str, str | None] = dict.fromkeys([*facet.get("added", ()), *facet.get("dropped", ())])
    return names | {new: old for old, new in facet.get("renamed", {}).items()}


def _written(run: Run, row: VersionRow, there: Iterable[str]) -> set[str]:
    """The columns that ``run`` wrote to the root version ``row``, with `ROWS` where it made or removed some."""
    match run.job.kind:
        case "unattributed":
            return {ROWS, *there}
        case "erasure":
            return {ROWS}
        case "maintenance" | "drop":
            return set()
        case "schema":
            return set(row.columns)
    written = {name for name in row.columns if name not in OF_ROWS}
    if run.job.kind == "ingest":
        return written | (set() if run.facets.get("ingest", {}).get("filled") else {ROWS})
    return written | ({ROWS} if run.facets.get("pass", {}).get("into") == row.dataset else set())


def _replaces_all(run: Run, row: VersionRow, before: VersionRow) -> bool:
    """Whether a pass left no cell that its columns had: it saw just the version before, and did all its rows."""
    facet = run.facets.get("pass")
    if facet is None or "into" in facet or not any(used.id == before.uuid for used in run.inputs):
        return False
    done = sum(int(facet.get(name, 0)) for name in ("computed", "resumed", "taken"))
    return before.rows == row.rows == done


def _apart(recipe: Mapping[str, Any]) -> set[str]:
    """The datasets that a selection names only to have none of their rows, or as many."""
    sample = recipe.get("sample")
    like = {sample["like"]} if isinstance(sample, Mapping) and sample.get("like") else set()
    named = {name for key in ("datasets", "all_of", "any_of") for name in recipe.get(key) or ()}
    return {*(recipe.get("none_of") or ()), *like} - named
