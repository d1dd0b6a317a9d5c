"""`edged proxy`: settings for a web server before edged, printed for its owner to install."""

from pathlib import Path

import click

from edged.commands.running import config_option, run_to_end


@click.group()
def proxy() -> None:
    """A web server before edged: for larger audiences, and for HTTPS."""


@proxy.command()
@config_option
@click.option("--name", default="_", help="Names of this box, as browsers call it. Default: any.")
@click.option(
    "--listen", multiple=True, metavar="[ADDRESS:]PORT", help="Default: port 80, or 443 with a certificate."
)
@click.option("--certificate", default="", metavar="FILE", help="Certificate and chain, for HTTPS.")
@click.option("--key", default="", metavar="FILE", help="The certificate's key.")
def nginx(
    config_path: Path | None, *, name: str, listen: tuple[str, ...], certificate: str, key: str
) -> None:
    """Print a site for nginx that serves live media past edged, and asks edged who may have them."""
    from edged.config import load_config  # noqa: PLC0415
    from edged.errors import EdgedError, StartupError  # noqa: PLC0415
    from edged.web.proxy.nginx import Site, nginx_site  # noqa: PLC0415

    def action() -> None:
        folder = load_config(config_path).web.proxy_folder
        if not folder:
            raise StartupError(
                'web.proxy_folder is empty: set it to "/run/edged-proxy" and reload edged,'
                " so that a proxy can ask it."
            )
        site = Site(folder=Path(folder), name=name, listen=listen, certificate=certificate, key=key)
        try:
            text = nginx_site(site)
        except EdgedError as error:
            raise click.UsageError(str(error)) from error
        click.echo(text, nl=False)

    run_to_end(action)
