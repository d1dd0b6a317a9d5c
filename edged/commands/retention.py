"""`edged retention`: what would be deleted now, and why."""

from pathlib import Path
from typing import Any

import click

from edged.commands.running import config_option, run_to_end

GB = 1e9
WORDS = {
    "age": "older than the rule",
    "camera": "its camera has more than its share",
    "total": "all footage together is too much",
    "space": "to keep space free",
}


@click.command()
@config_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only say what would be deleted: edged itself deletes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retention(config_path: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Show what the running edged would delete now, oldest first, with the reason. Deletes nothing."""
    import json  # noqa: PLC0415

    from edged.config import load_config  # noqa: PLC0415
    from edged.control import Control  # noqa: PLC0415

    if not dry_run:
        raise click.UsageError("say --dry-run: edged deletes by itself, this only shows what it would.")

    def action() -> None:
        with Control(Path(load_config(config_path).paths.runtime)) as control:
            told = control.get("/api/retention")
        click.echo(json.dumps(told) if as_json else "\n".join(lines(told)))

    run_to_end(action)


def lines(told: dict[str, Any]) -> list[str]:
    """The plan for people; `told` is what GET /api/retention answers."""
    volume, rules = told["volume"], told["rules"]
    found = [
        f"{deletion['camera']}/{deletion['day']}/{deletion['name']}  {deletion['bytes'] / 1e6:.1f} MB  "
        f"{WORDS[deletion['reason']]}"
        for deletion in told["deletions"]
    ]
    held = f"Recordings hold {told['footage_bytes'] / GB:.2f} GB in {told['segments']} files; "
    head = held + f"{volume['free'] / GB:.2f} of {volume['total'] / GB:.2f} GB are free, "
    head += f"{rules['floor'] / GB:.2f} GB must stay free."
    if told["clock"]:
        found.append(f"Nothing is deleted for its age: the clock is not trusted, {told['clock']}.")
    if told["more"]:
        found.append("There is more to do after these.")
    if told["short"]:
        found.append(
            f"{told['short'] / GB:.2f} GB are missing from what must stay free, and deleting all that may be"
            " deleted would not be enough: recording pauses."
        )
    if not told["deletions"]:
        found.append("Nothing would be deleted now.")
    else:
        found.append(f"{len(told['deletions'])} files, {told['bytes'] / GB:.2f} GB, would be deleted now.")
    return [head, *found]
