"""Lineage events sent as runs happen, to where ``emit`` of ``mmreg.yaml`` says, by openlineage-python.

A run is noted in ``.mmreg/unsent/`` before its events are sent, and the note is removed once they are. Sending never
fails a run: what could not be sent is told of in a warning and stays noted, until it is sent another time. Events that
arrive twice are the same ones, as a run has one UUID for good.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mmreg.config import resolve_secret
from mmreg.errors import MissingExtra, MmregError, StorageError, UsageError
from mmreg.schemas.exchange import Emitted
from mmreg.schemas.lineage import Lineage
from mmreg.schemas.secrets import redacted

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.declaration import EmitSpec

UNSENT = ".mmreg/unsent"
TIMEOUT_S = 5.0
_AGAIN = "mmreg lineage export --emit --since-last"


class Emitter:
    """Sends to one place. After it has failed once it does not try again by itself: a run must not wait for it."""

    def __init__(self, workspace: Workspace, spec: EmitSpec) -> None:
        self._workspace, self._spec, self._down = workspace, spec, False

    @classmethod
    def of(cls, workspace: Workspace) -> Emitter | None:
        """None where nothing is to be sent. A declaration that is wrong says so where it is read, not here."""
        with suppress(MmregError):
            if workspace.spec.emit is not None:
                return cls(workspace, workspace.spec.emit)
        return None

    def happened(self, run: str) -> None:
        """Send the events of ``run``, which was recorded. Never raises."""
        try:
            self._note(run)
            if not self._down:
                self._send_run(run)
        except Exception as error:
            self._down = True
            logging.getLogger("mmreg").warning(
                "the lineage event of run %s was not sent to %s: %s. Try: %s", run, self._spec.to, _said(error), _AGAIN
            )

    def resend(self) -> Emitted:
        """Send what is noted as unsent, the oldest first, until that fails."""
        folder = self._workspace.project.folder / UNSENT
        waiting = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        events, error = 0, None
        for place, run in enumerate(waiting):
            try:
                events += self._send_run(run)
            except Exception as fault:
                return Emitted(self._spec.to, place, events, tuple(waiting[place:]), _said(fault))
        return Emitted(self._spec.to, len(waiting), events, (), error)

    def send(self, lineage: Lineage) -> Emitted:
        """Send the events of all of ``lineage``. Raises `StorageError` where that fails, and `MissingExtra`."""
        runs = sum(node.kind == "run" for node in lineage.nodes)
        try:
            return Emitted(self._spec.to, runs, self._send(lineage))
        except MmregError:
            raise
        except Exception as error:
            raise StorageError(f"lineage events were not sent to {self._spec.to}: {_said(error)}") from error

    def _send_run(self, run: str) -> int:
        catalog, id = self._workspace.catalog, f"run:{run}"
        up, down = catalog.lineage(id, "up", 1), catalog.lineage(id, "down", 1)
        nodes = (*up.nodes, *(node for node in down.nodes if node.id != id))
        count = self._send(Lineage(id, "path", nodes, (*up.edges, *down.edges)))
        (self._workspace.project.folder / UNSENT / run).unlink(missing_ok=True)
        return count

    def _send(self, lineage: Lineage) -> int:
        from mmreg.registry.exchange.lookup import known_of
        from mmreg.registry.exchange.openlineage import events

        count = 0
        for event in _as_objects(events(lineage, known_of(self._workspace, lineage), whole=False)):
            self._client.emit(event)
            count += 1
        return count

    def _note(self, run: str) -> None:
        folder = self._workspace.project.folder / UNSENT
        folder.mkdir(parents=True, exist_ok=True)
        (folder / run).touch()

    @cached_property
    def _client(self) -> OpenLineageClient:
        try:
            from openlineage.client import OpenLineageClient
            from openlineage.client.transport.http import HttpTransport
        except ImportError:
            raise MissingExtra("sending lineage events", extra="openlineage") from None
        client = OpenLineageClient(config=self._config())
        if isinstance(client.transport, HttpTransport):
            client.transport.session.max_redirects = 0  # what is sent goes to who was named, and to nobody else
        return client

    def _config(self) -> dict[str, Any]:
        """As openlineage-python wants it: of the declared place, or what its own file says."""
        to, folder = self._spec.to, self._workspace.project.folder
        if to.endswith((".yml", ".yaml")):
            return _own_config(folder / to, to)
        if not to.startswith(("http://", "https://")):
            path = folder / to
            path.parent.mkdir(parents=True, exist_ok=True)
            return {"transport": {"type": "file", "log_file_path": str(path), "append": True}}
        transport = {"type": "http", "url": to, "timeout": TIMEOUT_S, "retry": {"total": 1, "backoff_factor": 0.3}}
        if self._spec.api_key is not None:
            transport["auth"] = {"type": "api_key", "apiKey": resolve_secret(self._spec.api_key, folder)}
        return {"transport": transport}


def emitter_of(workspace: Workspace) -> Emitter:
    """The one of the project. Raises `UsageError` where ``mmreg.yaml`` names no place, and `SpecError`."""
    if workspace.spec.emit is None:
        raise UsageError("mmreg.yaml does not say where lineage events are sent", hint="emit: {to: lineage.jsonl}")
    return Emitter(workspace, workspace.spec.emit)


def _own_config(path: Any, name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        config = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UsageError(f"emit: {name} cannot be read: {_said(error)}") from None
    if not isinstance(config, dict) or not isinstance(config.get("transport"), dict):
        raise UsageError(f"emit: {name} is no configuration of openlineage-python", hint="it has a key 'transport'")
    return config


def _as_objects(events: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """The events as the client's own classes; their facets stay as they are."""
    from openlineage.client import event_v2

    for event in events:
        said = {key: value for key, value in event.items() if key != "schemaURL"}
        if "dataset" in event:
            yield event_v2.DatasetEvent(**{**said, "dataset": event_v2.StaticDataset(**event["dataset"])})
        else:
            parts = {
                "eventType": event_v2.RunState(event["eventType"]),
                "run": event_v2.Run(**event["run"]),
                "job": event_v2.Job(**event["job"]),
                "inputs": [event_v2.InputDataset(**one) for one in event.get("inputs", ())],
                "outputs": [event_v2.OutputDataset(**one) for one in event.get("outputs", ())],
            }
            yield event_v2.RunEvent(**{**said, **parts})


def _said(error: BaseException) -> str:
    """What an error says in a line, without a secret that may be in it."""
    return redacted(str(error).strip().partition("\n")[0] or type(error).__name__)
