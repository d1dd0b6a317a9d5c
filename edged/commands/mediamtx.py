"""`edged mediamtx install`: upstream's MediaMTX for this machine, when asked for and never by itself."""

import platform
import re
from pathlib import Path

import click

from edged.commands.running import run_to_end

PLACE = Path("/usr/local/bin/mediamtx")


@click.group()
def mediamtx() -> None:
    """The media server that brings WebRTC and low-latency HLS."""


@mediamtx.command()
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    help="Upstream's archive for this machine, fetched by yourself.",
)
@click.option("--download", is_flag=True, help="Fetch the archive from upstream's release page.")
@click.option(
    "--sha256", default="", help="The archive's checksum, where edged knows none or another release is meant."
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), default=PLACE, show_default=True, help="Where it goes."
)
def install(file: Path | None, *, download: bool, sha256: str, target: Path) -> None:
    """Install the MediaMTX release that edged is made for, checked by version and SHA-256."""
    import trio  # noqa: PLC0415

    from edged.media import install as installing  # noqa: PLC0415
    from edged.media.choose import UnfitError, version_of  # noqa: PLC0415
    from edged.media.release import VERSION, release_for  # noqa: PLC0415

    if (file is None) == (not download):
        raise click.UsageError("say either --from FILE or --download.")
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise click.UsageError("--sha256 takes 64 hexadecimal digits.")

    def check(program: Path) -> str:
        try:
            version = trio.run(version_of, program)
        except UnfitError as error:
            raise installing.InstallError(
                f"The archive's program {error}; is it for another machine? Nothing was installed."
            ) from error
        if not sha256 and version != VERSION:
            raise installing.InstallError(
                f"The archive's program is {version}, not {VERSION}. Nothing was installed."
            )
        return version

    def action() -> None:
        release = release_for(platform.machine())
        if release is None and (download or not sha256):
            raise installing.InstallError(
                f"Upstream has no MediaMTX for this machine ({platform.machine()})."
                " Build it yourself and name the program in media.mediamtx."
            )
        wanted = sha256 or (release.sha256 if release else "")
        if not wanted:
            assert release is not None
            raise installing.InstallError(
                f"edged knows no checksum of {release.name}."
                f" Look it up in {release.checksums_url} and give it with --sha256."
            )
        if file is not None:
            source = installing.from_file(file)
        else:
            assert release is not None
            click.echo(f"Fetching {release.url}", err=True)
            source = installing.from_upstream(release)
        place = target.absolute()
        version = installing.install(source, place, sha256=wanted, check=check)
        click.echo(f"MediaMTX {version} is installed as {place}. Take it into use: systemctl restart edged")

    run_to_end(action)
