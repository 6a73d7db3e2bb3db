"""``fsck`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render
from mmreg.cli.text import plural, size
from mmreg.schemas.damage import Damage, FsckReport, RolledBack


@render.register(FsckReport)
def _(value: FsckReport) -> Iterator[Line]:
    for damage in value.damages:
        yield from _damage(damage)
    looked = (
        f"{plural(value.versions, 'version')} of {plural(value.datasets, 'dataset')}, {plural(value.files, 'file')}"
    )
    read = f", {size(value.bytes)} and {plural(value.cells, 'media cell')} read" if value.deep else ""
    yield (Styled(f"{looked}{read}.", "dim"),)
    if value.recorded:
        yield (f"{plural(value.recorded, 'file')} digested that nobody had digested.",)
    if value.undigested:
        yield (f"{plural(value.undigested, 'file')} without a digest, of another writer or an older mmreg.",)
        yield ("        Try: ", "mmreg fsck --deep --repair")
    left = sum(not damage.repaired for damage in value.damages)
    if value.ok:
        yield ("No damage.",) if value.deep or value.damages else ("No damage; --deep reads every byte, too.",)
    else:
        yield (Styled(f"{left:,} damaged.", "red"),)


@render.register(RolledBack)
def _(value: RolledBack) -> Iterator[Line]:
    yield (Styled(value.ref, "bold"), f"  holds what {value.last_good} held")
    yield (Styled(f"The torn manifest of Lance version {value.lance_version} lies at {value.file}.", "dim"),)


def _damage(damage: Damage) -> Iterator[Line]:
    mark = Styled("mended  ", "yellow") if damage.repaired else Styled("damaged ", "red")
    yield (mark, Styled(damage.kind, "bold"), f"  {damage.message}")
    if damage.rows:
        where = f" in {', '.join(damage.columns)}" if damage.columns else ""
        ids = f": {', '.join(damage.sample_ids or map(str, damage.row_ids))}" if damage.row_ids else ""
        more = ", ..." if ids and damage.rows > len(damage.row_ids) else ""
        yield (Styled(f"        {plural(damage.rows, 'row')}{where}{ids}{more}", "dim"),)
    if damage.repaired:
        return
    if damage.last_good:
        yield (Styled(f"        {damage.last_good} does not use it", "dim"),)
    if damage.hint:
        yield ("        Try: ", damage.hint)
