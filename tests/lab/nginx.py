"""Debian's nginx with a site of ours, all its files in a folder of its own, ended with the tests."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Program, free_port, wait_until

from edged.web.proxy.nginx import Site, nginx_site

# Of another user than root it cannot take its worker's user.
USER = "user root;" if os.geteuid() == 0 else ""


def nginx_config(folder: Path, site: str) -> Path:
    """A file of settings around `site`, for an nginx that writes in `folder` only."""
    places = [f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi")]
    (folder / "site").write_text(site)
    config = folder / "nginx.conf"
    config.write_text(
        f"""{USER} pid {folder}/pid; error_log {folder}/error.log info; worker_processes 1; daemon off;
events {{ worker_connections 4096; }}
http {{
    sendfile on; tcp_nopush on;
    client_body_temp_path {folder}/body; {" ".join(places)}
    access_log {folder}/other.log;
    include {folder}/site;
}}
"""
    )
    return config


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its web, its process, and the folder in which all its files are."""

    url: str
    program: Program
    folder: Path

    def logs(self) -> str:
        """Everything that it has written, wherever."""
        return "".join(path.read_text(errors="replace") for path in self.folder.iterdir() if path.is_file())


@contextmanager
def running_nginx(
    nginx: Path, folder: Path, *, sockets: Path, changed: Callable[[str], str] = str
) -> Iterator[Proxy]:
    """nginx before the edged whose sockets are in `sockets`, on loopback, until the block is left.

    `changed` makes another site of ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    site = Site(
        folder=sockets,
        listen=(f"127.0.0.1:{port}",),
        cache=str(folder / "cache"),
        log=str(folder / "access.log"),
    )
    config = nginx_config(folder, changed(nginx_site(site)))
    command = [nginx, "-c", config, "-e", folder / "error.log"]
    with Program(command, folder=folder, name="nginx") as program:

        def answers() -> bool:
            if program.process.poll() is not None:
                raise program.die("nginx ended")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, what="nginx listens", seconds=10)
        yield Proxy(f"http://127.0.0.1:{port}", program, folder)
