"""`edged doctor`: what is wrong with this box, and what to do about it."""

import sys
from pathlib import Path

import click

from edged.commands.running import config_option, run_to_end

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(config_path: Path | None, *, as_json: bool) -> None:
    """Look at this box from outside and ask the daemon how it is; works when it is down, too.

    Exit code 0 when nothing has failed (there may be warnings), 1 when something has.
    """
    import msgspec  # noqa: PLC0415

    from edged.doctor.checkup import checkup  # noqa: PLC0415
    from edged.doctor.line import Line, is_well  # noqa: PLC0415

    lines: list[Line] = []

    def action() -> None:
        for line in checkup(config_path):
            lines.append(line)
            if not as_json:
                click.echo(f"{MARKS[line.status]}  {line.what}")
                if line.remedy and line.status != "ok":
                    click.echo(f"      {line.remedy}")
        if as_json:
            told = {"ok": is_well(lines), "checks": msgspec.to_builtins(lines)}
            click.echo(msgspec.json.encode(told))

    run_to_end(action)
    if not is_well(lines):
        sys.exit(1)
