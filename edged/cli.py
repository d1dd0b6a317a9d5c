"""The commands. They read arguments, call the rooms, and print; nothing is decided here.

Exit codes: 0 done, 1 failed, 2 wrong use or a machine or settings that cannot run it.
"""

import functools
from pathlib import Path
from typing import Literal

import click
import msgspec
import trio

from edged import __version__
from edged.commands.cameras import cameras
from edged.commands.code import code
from edged.commands.doctor import doctor
from edged.commands.encoders import encoders
from edged.commands.mediamtx import mediamtx
from edged.commands.proxy import proxy
from edged.commands.retention import retention
from edged.commands.running import config_option, run_to_end
from edged.commands.user import user
from edged.commands.volume import volume


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edged")
def main() -> None:
    """Turn this box into a camera appliance: plug a USB camera, watch and record it."""


@main.command()
@config_option
def run(config_path: Path | None) -> None:
    """Run the daemon."""
    from edged import daemon  # noqa: PLC0415  # the commands that ask little start fast
    from edged.config import load_config  # noqa: PLC0415
    from edged.log import setup_logging  # noqa: PLC0415

    def action() -> None:
        config = load_config(config_path)
        setup_logging(config.log.level)
        trio.run(functools.partial(daemon.run, config, reread=functools.partial(load_config, config_path)))

    run_to_end(action)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--dump", is_flag=True, help="Print the merged truth as TOML.")
def check(file: Path | None, dump: bool) -> None:
    """Check the settings; list every error, each with its line."""
    from edged.config import dump as dumped  # noqa: PLC0415
    from edged.config import examine  # noqa: PLC0415

    def action() -> None:
        config, doubts = examine(file)
        for doubt in doubts:
            click.echo(f"edged: {doubt}", err=True)
        verdict = "Settings can be used; see the warnings above." if doubts else "Settings are right."
        click.echo(dumped(config).rstrip() if dump else verdict)

    run_to_end(action)


@main.command("setup-code")
@config_option
def setup_code(config_path: Path | None) -> None:
    """Print the one-time code with which the owner claims this box."""
    from edged.access.setup_code import current_setup_code  # noqa: PLC0415
    from edged.config import load_config  # noqa: PLC0415

    def action() -> None:
        click.echo(current_setup_code(Path(load_config(config_path).paths.data)))

    run_to_end(action)


@main.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print one line of JSON once the first picture is live."
)
@click.option(
    "--engine", type=click.Choice(["auto", "mediamtx", "embedded"]), default="auto", show_default=True
)
@click.option(
    "--listen",
    default="127.0.0.1",
    show_default=True,
    help="HOST or HOST:PORT; 0.0.0.0 shows it to the network.",
)
@click.option(
    "--synthetic", type=click.IntRange(0, 8), default=1, show_default=True, help="How many test pictures."
)
@click.option("--file", type=click.Path(exists=True, dir_okay=False), help="A video file as one more camera.")
@click.option("-v", "--verbose", is_flag=True, help="Show the log.")
def demo(
    *,
    as_json: bool,
    engine: Literal["auto", "mediamtx", "embedded"],
    listen: str,
    synthetic: int,
    file: str | None,
    verbose: bool,
) -> None:
    """Show everything at once, in a temporary folder; Ctrl-C cleans up."""
    from edged.demo import DemoAnnouncement, DemoOptions, run_demo  # noqa: PLC0415
    from edged.log import setup_logging  # noqa: PLC0415

    def announce(demo: DemoAnnouncement) -> None:
        if as_json:
            click.echo(msgspec.json.encode(demo))
            return
        click.echo(
            f"\n  Open      {demo.url}\n  User      {demo.user}\n  Password  {demo.password}\n\n"
            f"  Cameras   {', '.join(demo.cameras)} ({demo.engine})\n  Footage   {demo.recordings}\n\n"
            "Ctrl-C ends it and removes everything.\n"
        )

    def action() -> None:
        setup_logging("info" if verbose else "warning")
        options = DemoOptions(engine=engine, listen=listen, synthetic=synthetic, file=file)
        trio.run(functools.partial(run_demo, options, announce=announce))

    run_to_end(action)


main.add_command(cameras)
main.add_command(code)
main.add_command(doctor)
main.add_command(encoders)
main.add_command(mediamtx)
main.add_command(proxy)
main.add_command(retention)
main.add_command(volume)
main.add_command(user)

if __name__ == "__main__":
    main()
