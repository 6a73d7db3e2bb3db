"""MLflow, as far as mmreg asks it: imported late, silent, and its errors in our words.

Its types would cost mypy minutes, so it stands here as `Any`.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmreg.errors import MissingExtra, NotFound, StorageError, UsageError
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.secrets import redacted

SOURCE = "mmreg"
"""The type of a dataset's source that means a version of mmreg."""
RUN, DIGEST, REF, SPLIT = "mmreg.run", "mmreg.digest", "mmreg.ref", "mmreg.split"
"""Tags by which what was written there is found again."""
CONTEXT, EXTERNAL = "mlflow.data.context", "mlflow.model.isExternal"


@dataclass(frozen=True)
class Tracking:
    """A tracking server or a database of MLflow: its client, its entities, and how messages name it."""

    client: Any
    entities: Any
    place: str
    uri: str

    def fetch(self, uri: str, folder: Path) -> None:
        """Fetch the files of a model into ``folder``."""
        artifacts: Any = importlib.import_module("mlflow.artifacts")
        artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=self.uri)


@contextmanager
def tracking(uri: str | None) -> Iterator[Tracking]:
    """MLflow at ``uri``, or as it is set up. What it raises becomes `NotFound`, `UsageError` or `StorageError`."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is told to its makers on our behalf
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own 7 take minutes where no server is
    try:
        mlflow: Any = importlib.import_module("mlflow")
        entities: Any = importlib.import_module("mlflow.entities")
        database: Any = importlib.import_module("sqlalchemy.exc")
    except ImportError as error:
        raise MissingExtra("MLflow", extra="mlflow") from error
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    meant = uri or mlflow.get_tracking_uri()
    place = redacted(meant)
    try:
        # Opening a database of an older MLflow fails here, as does an address that is none.
        yield Tracking(mlflow.MlflowClient(tracking_uri=meant, registry_uri=meant), entities, place, meant)
    except (mlflow.MlflowException, database.SQLAlchemyError) as error:
        raise _in_our_words(error, place) from error
    except ImportError as error:  # a database needs what a server does not
        raise MissingExtra(f"MLflow at {place}", extra="mlflow") from error


def source_of(lake: str, ref: str, uuid: str) -> str:
    """A version as the source of an MLflow dataset: where it is, in no lake's own terms."""
    dataset = VersionRef.parse(ref).dataset
    told = {"uri": f"mmreg://{lake}/{dataset}@{uuid}", "lake": lake, "dataset": dataset, "uuid": uuid, "ref": ref}
    return json.dumps(told, sort_keys=True)


def version_in(dataset: Any) -> Mapping[str, str] | None:
    """What `source_of` wrote; None for a dataset that mmreg has no version of."""
    if dataset.source_type != SOURCE:
        return None
    try:
        found = json.loads(dataset.source)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("uuid"), str) else None


def _in_our_words(error: Any, place: str) -> NotFound | UsageError | StorageError:
    said = redacted(str(error).strip().partition("\n")[0])
    code = str(getattr(error, "error_code", ""))
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(f"MLflow at {place}: {said}", hint="--tracking-uri URI, or MLFLOW_TRACKING_URI")
    if code == "INVALID_PARAMETER_VALUE":
        return UsageError(f"MLflow at {place}: {said}")
    return StorageError(f"MLflow at {place}: {said}", hint="--tracking-uri URI, or MLFLOW_TRACKING_URI")
