"""``mmreg lineage export`` and ``mmreg lineage import``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.cli.view import View, view_options, write
from mmreg.errors import StorageError, UsageError
from mmreg.schemas.exchange import Exported, ExportFormat
from mmreg.schemas.refs import NodeRef

_BELONGS: dict[str, ExportFormat] = {
    "pin_version_in_name": "openlineage",
    "emit": "openlineage",
    "since_last": "openlineage",
    "parquet": "croissant",
    "tracking_uri": "mlflow",
}
"""The options that belong to one format alone."""


@click.command("export", cls=Command)
@click.argument("node", type=NODE, required=False)
@click.option("--all", "everything", is_flag=True, help="Export the lineage of everything in the lake.")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["openlineage", "prov", "croissant", "mlflow"]),
    default="openlineage",
    help="openlineage (default), prov, croissant or mlflow.",
)
@click.option("--down", is_flag=True, help="Export what was made from NODE, not where it came from.")
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to FILE (default: standard output).",
)
@click.option("--pin-version-in-name", is_flag=True, help="openlineage: name datasets with versions (pairs@v7).")
@click.option("--emit", is_flag=True, help="openlineage: send the events to where `emit` of mmreg.yaml says.")
@click.option("--since-last", is_flag=True, help="openlineage: send what could not be sent when it happened.")
@click.option("--parquet", is_flag=True, help="croissant: write the rows, too, as Parquet beside FILE.")
@click.option("--tracking-uri", metavar="URI", help="mlflow: the tracking server (default: as MLflow is set up).")
@pass_session
def export(
    session: Session,
    /,
    node: NodeRef | None,
    everything: bool,
    form: ExportFormat,
    down: bool,
    file: Path | None,
    **options: Any,
) -> int:
    """Write the lineage of NODE in a format that other tools read.

    OpenLineage events (a line each), W3C PROV-JSON, the Croissant description of a version, or datasets, runs
    and models in MLflow. Versions are exact in all of them, and models stand upstream of what they made.

    \b
    Example:
        mmreg lineage export train@v2 --format croissant --output train.json
    """
    _consistent(form, node, everything, file, options)
    registry = session.registry
    if options["since_last"]:
        sent = registry.lineage_emit()
        session.show(sent)
        return StorageError.exit_status if sent.unsent else 0
    if form == "croissant":
        assert node is not None
        _put(session, [registry.croissant(node.value, file if options["parquet"] else None)], form, file)
        return 0
    lineage = registry.lineage_of_all() if node is None else registry.lineage(node, "down" if down else "up")
    if options["emit"]:
        session.show(registry.lineage_emit(lineage))
    elif form == "mlflow":
        session.show(registry.lineage_to_mlflow(lineage, options["tracking_uri"]))
    else:
        told = list(registry.lineage_export(lineage, form, pinned=options["pin_version_in_name"]))
        _put(session, told, form, file)
    return 0


@click.command("import", cls=Command)
@click.argument("exported", metavar="FILE", type=click.Path(path_type=Path))
@view_options
@pass_session
def import_(session: Session, exported: Path, view: View) -> None:
    """Show the lineage that an exported file tells of.

    OpenLineage events or PROV-JSON. What `mmreg lineage export` wrote comes back as it was. Nothing is recorded.

    \b
    Example:
        mmreg lineage import lineage.jsonl
    """
    from mmreg.registry.exchange.export import read_export

    view.show(session, read_export(exported))


def _consistent(
    form: ExportFormat, node: NodeRef | None, everything: bool, file: Path | None, options: dict[str, Any]
) -> None:
    for name, value in options.items():
        if value and _BELONGS[name] != form:
            raise UsageError(f"--{name.replace('_', '-')} belongs to --format {_BELONGS[name]}")
    if (node is not None) + everything + bool(options["since_last"]) != 1:
        raise UsageError("what to export is a node, --all or --since-last", hint="mmreg lineage export NODE")
    if options["parquet"] and file is None:
        raise UsageError("rows go to a file beside the description", hint="--parquet --output out/NAME.json")
    if form == "croissant" and (node is None or node.kind != "version" or node.column):
        raise UsageError("Croissant describes one version of a dataset", hint="mmreg lineage export NAME@v1 ...")


def _put(session: Session, told: Sequence[dict[str, Any]], form: ExportFormat, file: Path | None) -> None:
    """To the file, or else to standard output: events a line each, anything else as one document."""
    from mmreg.cli.plain import to_json

    if file is None and session.json:
        session.show(told if form == "openlineage" else told[0])
        return
    lines = [to_json(one, indent=None if form == "openlineage" else 2) + "\n" for one in told]
    if file is None:
        sys.stdout.writelines(lines)
    else:
        write(file, "".join(lines))
        session.show(Exported(form, str(file), len(told)))
