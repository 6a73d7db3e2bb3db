"""Where mmreg's own checks are: by name, the module and the class. They are imported when they are used."""

from __future__ import annotations

from collections.abc import Mapping

BUILT_IN: Mapping[str, str] = {
    # columns
    "not_null": "columns.not_null:NotNull",
    "unique": "columns.unique:Unique",
    "range": "columns.range:Range",
    "row_count": "columns.row_count:RowCount",
    # texts and pairs
    # media
    "image_decodes": "media.image_decodes:ImageDecodes",
    "image_format": "media.image_format:ImageFormat",
    "image_size": "media.image_size:ImageSize",
    "not_blank": "media.not_blank:NotBlank",
    "not_blurred": "media.not_blurred:NotBlurred",
    # lineage
    "lineage.single_generation": "lineage.single_generation:SingleGeneration",
    # guards
}
