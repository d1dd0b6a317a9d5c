"""A site for nginx (1.22 of Debian 12 and newer) that serves live media past us.

Media are in nginx's own cache, each part once for all viewers of its camera; who may have them is asked at
our desk, and an answer is good for the second of the clock in which it was given. All else, and whatever goes
wrong there, is handed to the web. nginx logs whole addresses with each error, and access codes stand in
addresses: so there is no error log, and the access log names no more than the kind of thing that was asked.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from edged.errors import EdgedError
from edged.web.proxy.sockets import DESK, WEB

# Written for nginx; @words@ in it are filled in here.
SITE = Path(__file__).parent / "nginx.site"

# Either way of saying it is refused or warned of by the nginx of another Debian.
HTTP2 = "    # For HTTP/2: `http2 on;` here (Debian 13), or `http2` after each `ssl` above (Debian 12)."

# What may stand unquoted in nginx's settings, and mean itself.
_PATH = re.compile(r"/[A-Za-z0-9._/+-]*")
_NAME = re.compile(r"[A-Za-z0-9.*_-]+|\[[0-9A-Fa-f:.]+\]")
_LISTEN = re.compile(r"(?:(?:[0-9.]+|\[[0-9A-Fa-f:.]+\]):)?[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What differs between two sites. `cache` is the beginning of two folders' names, best on a RAM disk."""

    folder: Path
    name: str = "_"
    listen: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    cache: str = "/run/edged-nginx"
    log: str = "/var/log/nginx/edged.log"


def nginx_site(site: Site) -> str:
    """The text of the site. Raises EdgedError for values that nginx could read as something else."""
    _check(site)
    secure = bool(site.certificate)
    listen = site.listen or (("443", "[::]:443") if secure else ("80", "[::]:80"))
    lines = [f"    listen {each}{' ssl' if secure else ''};" for each in listen]
    if secure:
        lines.append(HTTP2)
        lines += [f"    ssl_certificate {site.certificate};", f"    ssl_certificate_key {site.key};"]
    values = {
        "web": str(site.folder / WEB),
        "desk": str(site.folder / DESK),
        "name": site.name,
        "listen": "\n".join(lines),
        "cache": site.cache,
        "log": site.log,
    }
    return re.sub(r"@([a-z]+)@", lambda match: values[match[1]], SITE.read_text())


def _check(site: Site) -> None:
    if bool(site.certificate) != bool(site.key):
        raise EdgedError("A certificate goes with its key: name both, or none.")
    for path in filter(None, (str(site.folder), site.certificate, site.key, site.cache, site.log)):
        if not _PATH.fullmatch(path):
            raise EdgedError(f"{path!r}: must be an absolute path of plain letters, for nginx.")
    for text, kind, what in (
        *((each, _LISTEN, "a port, or ADDRESS:PORT") for each in site.listen),
        *((each, _NAME, "the name of a host") for each in site.name.split(" ")),
    ):
        if not kind.fullmatch(text):
            raise EdgedError(f"{text!r}: must be {what}.")
