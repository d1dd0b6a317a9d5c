"""`edged code`: access codes of the running box."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from edged.commands.running import config_option, run_to_end
from edged.control import Control

UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
STATES = {"owner-lost": "closed: its owner may not share it any more"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def as_seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A length of time like 90m, 12h, 3d or 2w. Raises BadParameter."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", value, re.ASCII)
    if not found or not int(found[1]):
        raise click.BadParameter(f"{value!r} is no length of time. Give one like 90m, 12h, 3d or 2w.")
    return int(found[1]) * UNITS[found[2]]


def end_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say when a code ends."""
    for option in (
        click.option("--until-revoked", is_flag=True, help="It ends when it is revoked."),
        click.option("--until", help="It ends at this time, like 2026-12-01T18:00:00+01:00 (else UTC)."),
        click.option(
            "--for", "lasting", metavar="TIME", callback=as_seconds, help="It ends after 90m, 12h, 3d, 2w."
        ),
    ):
        command = option(command)
    return command


@click.group()
def code() -> None:
    """Access codes: let somebody watch without an account, until you take it back."""


@code.command("list")
@config_option
@json_option
def listed(config_path: Path | None, *, as_json: bool) -> None:
    """Show all access codes, newest first."""

    def show(control: Control) -> None:
        codes = control.get("/api/access-codes")["access_codes"]
        if as_json:
            click.echo(json.dumps(codes))
        elif not codes:
            click.echo("There are no access codes.")
        for each in [] if as_json else codes:
            click.echo(_line(each))

    _ask(config_path, show)


@code.command()
@click.option(
    "--video", multiple=True, metavar="CAMERA", help="Share the live picture of this camera (slug)."
)
@click.option("--image", multiple=True, metavar="CAMERA", help="Share still pictures of this camera.")
@click.option("--recordings", multiple=True, metavar="CAMERA", help="Share the recordings of this camera.")
@click.option("--description", default="made on the box", show_default=True, help="Whom or what it is for.")
@click.option("--viewers", type=click.IntRange(1, 1000), help="How many may watch at once.")
@click.option("--code-stdin", is_flag=True, help="Take the first line of standard input as the code.")
@end_options
@config_option
@json_option
def create(
    config_path: Path | None,
    *,
    video: tuple[str, ...],
    image: tuple[str, ...],
    recordings: tuple[str, ...],
    description: str,
    viewers: int | None,
    code_stdin: bool,
    as_json: bool,
    **end: Any,
) -> None:
    """Make an access code; it is shown this once."""
    items = [
        {"media_type": kind, "media_slug": slug}
        for kind, slugs in (("video", video), ("image", image), ("recordings", recordings))
        for slug in slugs
    ]
    if not items:
        raise click.UsageError("say what to share: --video CAMERA, --image CAMERA or --recordings CAMERA.")
    wish: dict[str, Any] = {
        "description": description,
        "media_items": items,
        "expires_at": _end(**end),
        "most_viewers": viewers,
    }
    if code_stdin:
        wish["code"] = sys.stdin.readline().rstrip("\r\n")

    def make(control: Control) -> None:
        made = control.post("/api/access-codes", wish)
        if as_json:
            click.echo(json.dumps(made))
            return
        click.echo(f"Code  {made['code']}\nLink  {made['link']}\n{_line(made)}\nIt is not shown again.")

    _ask(config_path, make)


@code.command()
@click.argument("code_id", metavar="ID")
@end_options
@config_option
@json_option
def renew(code_id: str, config_path: Path | None, *, as_json: bool, **end: Any) -> None:
    """Give the code with this ID (see `edged code list`) another end."""
    expires_at = _end(**end)

    def again(control: Control) -> None:
        told = control.patch(_path(code_id), {"expires_at": expires_at})
        click.echo(json.dumps(told) if as_json else _line(told))

    _ask(config_path, again)


@code.command()
@click.argument("code_id", metavar="ID")
@config_option
def revoke(code_id: str, config_path: Path | None) -> None:
    """End the code with this ID for ever; who watches by it is out at once."""

    def end(control: Control) -> None:
        control.delete(_path(code_id))
        click.echo("It is revoked.")

    _ask(config_path, end)


def _ask(config_path: Path | None, work: Callable[[Control], None]) -> None:
    def action() -> None:
        from edged.config import load_config  # noqa: PLC0415  # --help starts fast

        with Control(Path(load_config(config_path).paths.runtime)) as control:
            work(control)

    run_to_end(action)


def _end(*, lasting: float | None, until: str | None, until_revoked: bool) -> float | str | None:
    if (lasting is not None, until is not None, until_revoked).count(True) != 1:
        raise click.UsageError("say when it ends: --for TIME, --until MOMENT or --until-revoked.")
    return time.time() + lasting if lasting is not None else until


def _path(code_id: str) -> str:
    return "/api/access-codes/" + quote(code_id, safe="")


def _line(told: dict[str, Any]) -> str:
    items = ", ".join(
        f"{item['media_type']} of {item['media_slug']}"
        + (" (not shared any more)" if told["state"] == "active" and item not in told["open_items"] else "")
        for item in told["media_items"]
    )
    state = STATES.get(told["state"], told["state"])
    if told["state"] == "active":
        state = f"until {told['expires_at']}" if told["expires_at"] else "until revoked"
    name = told["description"] or "without a note"
    return f"{told['id']}  …{told['hint']}  {name} ({told['owner']}): {items}; {state}"
