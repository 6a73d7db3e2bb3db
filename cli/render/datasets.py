"""``ls``, ``show``, ``log`` and ``diff`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmreg.cli.render.layout import Cell, Line, Piece, Styled, facts, render, render_list, table
from mmreg.cli.text import clip, duration, moment, plural
from mmreg.schemas.detail import Diff, VersionDetail
from mmreg.schemas.plan import money_text
from mmreg.schemas.summary import Created, DatasetSummary, LogEntry

_REJECTED_SHOWN = 20


@render_list.register(DatasetSummary)
def _(first: DatasetSummary, values: Sequence[DatasetSummary]) -> Iterator[Line]:
    return table(
        ("DATASET", "CURRENT", "LATEST", "KIND", "ROWS", "REJECTED", "VERSIONS", "UPDATED (UTC)"),
        (
            (
                Styled(d.name, "bold"), *(_version(d, ref) for ref in (d.current, d.latest)),
                d.kind, d.rows, d.rejected, d.versions, Styled(moment(d.updated_at), "dim"),
            )
            for d in values
        ),
    )  # fmt: skip


def _version(summary: DatasetSummary, ref: str | None) -> Cell:
    if ref in summary.failed:
        return Styled(f"{ref} failed", "red")
    return Styled(ref, "green") if ref is not None and summary.promoted and ref == summary.current else ref or "none"


@render_list.register(LogEntry)
def _(first: LogEntry, values: Sequence[LogEntry]) -> Iterator[Line]:
    return table(
        ("VERSION", "PUBLISHED (UTC)", "ROWS", "REJECTED", "BY", "COLUMNS", ""),
        (
            (
                Styled(e.ref, "bold"), moment(e.created_at), e.rows, e.rejected, e.job if e.job else e.kind,
                clip(", ".join(c for c in e.columns if not c.startswith("_")), 48), _mark(e),
            )
            for e in values
        ),
    )  # fmt: skip


@render.register(Created)
def _(value: Created) -> Iterator[Line]:
    writers = "many processes may write at once" if value.writers == "many" else "one process at a time may write"
    yield (Styled(value.path, "bold"), "  written" if value.written else "  kept as it was")
    yield (Styled(value.lake, "bold"), f"  the lake; {writers}")


@render.register(VersionDetail)
def _(value: VersionDetail) -> Iterator[Line]:
    failed = Styled("  failed its checks", "red") if value.verdict == "failed" else ""
    yield (Styled(value.ref, "bold"), Styled("  promoted", "green") if value.promoted else "", failed)
    yield from facts(
        {
            "kind": value.kind,
            "rows": value.rows,
            "rejected": _rejected(value),
            "checks": f"{value.verdict}, run {value.judged_by}" if value.verdict else None,
            "made by": value.job,
            "run": value.run,
            "cost": _cost(value.cost),
            "published": f"{moment(value.created_at)} UTC",
            "license": value.license,
            "roots": ", ".join(value.roots),
            "splits": ", ".join(f"{name} {rows:,}" for name, rows in value.splits.items()),
            "uuid": value.uuid,
            "opens with": value.open_with,
        },
        indent="  ",
    )
    yield ()
    yield from table(("COLUMN", "TYPE", "FROM", "RUN"), ((c.name, c.type, c.producer, c.run) for c in value.columns))
    if value.mix:
        yield ()
        yield from table(
            ("DRAWN FROM", "ROWS", "OF", "WANTED", "WEIGHT", "ACHIEVED"),
            ((s.dataset, s.rows, s.supply, s.wanted, f"{s.weight:.3g}", f"{s.achieved:.3g}") for s in value.mix),
        )
    if value.dropped:
        yield ()
        yield from table(("DROPPED", "WHY"), ((rows, reason) for reason, rows in value.dropped.items()))
    if value.rejected_records:
        yield ()
        yield from _rejections(value)


@render.register(Diff)
def _(value: Diff) -> Iterator[Line]:
    yield (Styled(value.a, "bold"), " → ", Styled(value.b, "bold"))
    changes = list(_changes(value))
    yield from changes or [("  no difference",)]


def _mark(entry: LogEntry) -> Cell:
    if entry.removed_by:
        return Styled(f"removed {moment(entry.removed_at)} by {entry.removed_by}", "dim")
    if entry.verdict == "failed":
        still = "promoted, but " if entry.promoted else ""
        return Styled(f"{still}failed its checks, run {entry.judged_by}", "red")
    if entry.promoted:
        return Styled("promoted", "green")
    return None if entry.kind == "published" else Styled(entry.kind, "yellow")


def _cost(cost: Mapping[str, float]) -> str:
    """Rows called, time, tokens and money, as far as there are any."""
    tokens = cost.get("tokens_in", 0) + cost.get("tokens_out", 0)
    parts = [
        plural(int(cost["calls"]), "call") if cost.get("calls") else "",
        duration(cost["seconds"]) if cost.get("seconds") else "",
        plural(int(tokens), "token") if tokens else "",
        f"{money_text(cost['money'])} of money" if cost.get("money") else "",
    ]
    return ", ".join(filter(None, parts))


def _rejected(value: VersionDetail) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in value.rejected_reasons.items())
    return f"{value.rejected:,}" + (f" ({reasons})" if reasons else "")


def _rejections(value: VersionDetail) -> Iterator[Line]:
    shown = value.rejected_records[:_REJECTED_SHOWN]
    yield from table(
        ("REJECTED", "REASON", "DETAIL"),
        (
            (clip(str(r.get("source", "")), 60), str(r.get("reason", "")), clip(str(r.get("detail", "")), 60))
            for r in shown
        ),
    )
    if value.rejected > len(shown):
        yield (Styled(f"… and {value.rejected - len(shown):,} more", "dim"),)


def _changes(value: Diff) -> Iterator[Line]:
    yield from _listed("+ column", value.columns_added, "green")
    yield from _listed("- column", value.columns_removed, "red")
    for name, (before, after) in value.columns_retyped.items():
        yield (Styled("  ~ column ", "yellow"), f"{name}: {before} → {after}")
    if value.samples_added:
        yield _samples("+", value.samples_added, value.examples_added)
    if value.selection is not None:
        yield from _told(value.selection.readmitted, "readmitted, left out before", value.selection.readmitted_reasons)
        yield from _told(value.selection.new, "new, nothing to choose from before", {})
    if value.samples_removed:
        yield _samples("-", value.samples_removed, value.examples_removed)
    if value.selection is not None:
        yield from _told(value.selection.dropped, "dropped", value.selection.dropped_reasons)
        yield from _told(value.selection.gone, "gone from the root", {})
        if value.samples_added or value.samples_removed:
            yield (Styled("  = ", "dim"), f"{plural(value.selection.kept, 'sample')} kept")
    yield from _cells(value.cells)


def _listed(sign: str, names: Sequence[str], style: str) -> Iterator[Line]:
    for name in names:
        yield (Styled(f"  {sign} ", "green" if style == "green" else "red"), name)


def _samples(sign: str, count: int, examples: Sequence[str]) -> Line:
    line: list[Piece] = [Styled(f"  {sign} {plural(count, 'sample')}", "green" if sign == "+" else "red")]
    if shown := [sample[:12] for sample in examples[:3]]:
        line.append(Styled(f"  {', '.join(shown)}{' …' if count > len(shown) else ''}", "dim"))
    return line


def _told(count: int, what: str, reasons: Mapping[str, int]) -> Iterator[Line]:
    """So many samples, and why."""
    if count:
        yield (f"      {count:,} {what}",)
        for reason, rows in reasons.items():
            yield (Styled(f"        {rows:,}  {reason}", "dim"),)


def _cells(cells: Mapping[str, int]) -> Iterator[Line]:
    for name, count in cells.items():
        if count:
            yield (Styled("  ~ ", "yellow"), f"{name}: {plural(count, 'cell')} changed")
