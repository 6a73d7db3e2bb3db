"""Whether a dataset is declared as it was when its rows were made."""

from __future__ import annotations

import json

import pyarrow as pa
import xxhash

from mmreg.errors import UsageError
from mmreg.schemas.declaration import DatasetSpec


def spec_digest(spec: DatasetSpec) -> str:
    """16 hex digits of what decides how records become rows: not where the source lies, nor descriptions, nor what a
    column that the source calls the same is called here."""
    document = spec.model_dump(
        mode="json",
        exclude={"license": True, "description": True, "retention": True, "source": {"path", "repo", "rev"}},
    )
    called = {name: column.field or column.renamed_from or name for name, column in spec.columns.items()}
    if len(set(called.values())) == len(called):
        for name, column in document["columns"].items():
            column.pop("renamed_from")
            column["field"] = None if column["field"] == called[name] else column["field"]
        document["columns"] = {called[name]: column for name, column in document["columns"].items()}
        document["identity"] = [called.get(name, name) for name in document["identity"]]
    return xxhash.xxh3_64_hexdigest(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def check_columns(name: str, declared: pa.Schema, there: pa.Schema) -> None:
    """Raise `UsageError` where the columns that are there are not those that are declared."""
    for wanted in declared:
        found = there.field(wanted.name).type if wanted.name in there.names else "absent"
        if found != wanted.type:
            raise UsageError(
                f"{name}: the column {wanted.name!r} is declared as {wanted.type}, but is {found} in the lake",
                hint=f"mmreg plan {name}",
            )
