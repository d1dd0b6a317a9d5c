"""`edged volume`: the disk that recordings go to."""

from pathlib import Path
from typing import Any

import click

from edged.commands.running import config_option, run_to_end

GB = 1e9


@click.group()
def volume() -> None:
    """The disk that recordings go to."""


def _ask(config_path: Path | None, *, adopt: bool) -> dict[str, Any]:
    from edged.config import load_config  # noqa: PLC0415
    from edged.control import Control  # noqa: PLC0415

    with Control(Path(load_config(config_path).paths.runtime)) as control:
        told: dict[str, Any] = control.post("/api/volume/adopt") if adopt else control.get("/api/volume")
    return told


@volume.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(config_path: Path | None, *, as_json: bool) -> None:
    """Show how it is."""

    def action() -> None:
        told = _ask(config_path, adopt=False)
        if as_json:
            import json  # noqa: PLC0415

            click.echo(json.dumps(told))
        else:
            click.echo(words(told))

    run_to_end(action)


@volume.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def adopt(config_path: Path | None, *, yes: bool) -> None:
    """Let the disk that is there now be the one to record on. Nothing on it is changed but one small file."""

    def action() -> None:
        if not yes:
            click.confirm("Record on the disk that is there now, from now on?", abort=True)
        click.echo(words(_ask(config_path, adopt=True)))

    run_to_end(action)


def words(told: dict[str, Any]) -> str:
    """The volume's state for people; `told` is what /api/volume answers."""
    if told["state"] == "ok":
        return (
            f"The recordings disk is well: {told['free'] / GB:.2f} of {told['total'] / GB:.2f} GB are free."
        )
    return f"The recordings disk: {told['reason']}.\n{told['remedy']}"
