"""What audio_decodes and video_decodes have in common."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.schemas.arrow import MediaKind
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.looks import Looks
from mmreg.validators.media.measured import Seen, media_column
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally

Look = TypeVar("Look", bound=Seen)


class Arguments(Declared):
    column: str


class Decodes(RowCheck, Generic[Look]):
    """A check that fails where a look at a cell found a defect."""

    media = True
    failing: ClassVar[str]

    def __init__(self, spec: CheckSpec, table: Table, kind: MediaKind, looks: Looks[Look]) -> None:
        self._column = media_column(spec.check, table, parse_arguments(spec, Arguments).column, kind)
        self._kind, self._looks = kind, looks
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        media = cells(batch, self._column)
        there = pc.is_valid(media).to_numpy(zero_copy_only=False)
        looks = self._looks.at(media)
        missing = ("missing", "its bytes are missing")
        defects = [
            (missing if look is None else look.defect) if here else None
            for here, look in zip(there, looks, strict=True)
        ]
        sizes = pc.binary_length(pc.struct_field(media, "bytes"))

        def describe(row: int) -> tuple[str, str]:
            size, told = sizes[row].as_py(), defects[row]
            return (f"<{self._kind}>" if size is None else f"<{self._kind}, {size:,} bytes>"), told[1] if told else ""

        failed = pa.array([told is not None for told in defects], pa.bool_())
        self._tally.add(batch, examined=int(there.sum()), failed=failed, describe=describe)

    def result(self) -> CheckResult:
        return self._tally.result(self.failing)
