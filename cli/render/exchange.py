"""What went to others, in a line."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render
from mmreg.cli.text import plural
from mmreg.schemas.exchange import Emitted, Exported


@render.register(Exported)
def _(value: Exported) -> Iterator[Line]:
    counted = {"openlineage": "event", "mlflow": "run"}.get(value.format)
    what = plural(value.records, counted) if counted else "1 document"
    yield (Styled(value.to, "bold"), f"  {value.format}, {what}")


@render.register(Emitted)
def _(value: Emitted) -> Iterator[Line]:
    yield (Styled(value.to, "bold"), f"  {plural(value.events, 'event')} of {plural(value.runs, 'run')}")
    if value.unsent:
        yield (Styled(f"{plural(len(value.unsent), 'run')} not sent", "red"), f": {value.error}")
