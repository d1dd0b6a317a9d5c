"""`edged cameras`: the cameras of the running box."""

import json
from pathlib import Path
from typing import Any

import click

from edged.commands.running import config_option, run_to_end
from edged.control import Control


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cameras(config_path: Path | None, *, as_json: bool) -> None:
    """List the cameras that are plugged, configured or were here once, and how each is."""
    from edged.config import load_config  # noqa: PLC0415

    def action() -> None:
        with Control(Path(load_config(config_path).paths.runtime)) as control:
            found = control.get("/api/cameras")["cameras"]
        if as_json:
            click.echo(json.dumps(found))
        elif not found:
            click.echo("There are no cameras yet. Plug one.")
        for camera in [] if as_json else found:
            click.echo(line_of(camera))

    run_to_end(action)


def line_of(camera: dict[str, Any]) -> str:
    """A camera in one line: short name, state, what it shows, whether it is recorded, and why not."""
    parts = [f"{camera['slug']:<20}", f"{camera['state']:<9}"]
    if camera["state"] == "live":
        parts.append(f"{camera['width']}x{camera['height']} {camera['fps']:.0f} fps, {camera['encoder']}")
        parts.append("recording" if camera["recording"] else "not recording")
    reason = camera["reason"] or (
        camera["recording_held"] or camera["recording_reason"] if not camera["recording"] else ""
    )
    if reason:
        parts.append(f"({reason})")
    return "  ".join(parts).rstrip()
