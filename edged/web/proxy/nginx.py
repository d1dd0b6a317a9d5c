"""A site for nginx (1.22 of Debian 12 and newer) that serves live media past us.

Media are in nginx's own cache, each part once for all viewers of its camera; who may have them is asked at
our desk, and an answer is good for the second of the clock in which it was given. All else, and whatever goes
wrong there, is handed to the web. nginx logs whole addresses with each error, and access codes stand in
addresses: so there is no error log, and the access log names no more than the kind of thing that was asked.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from edged.config import rules
from edged.errors import EdgedError
from edged.web.proxy.sockets import DESK, WEB

# Written for nginx; @words@ in it are filled in here.
SITE = Path(__file__).parent / "nginx.site"

# Either way of saying it is refused or warned of by the nginx of another Debian.
HTTP2 = "    # For HTTP/2: `http2 on;` here (Debian 13), or `http2` after each `ssl` above (Debian 12)."

REDIRECT = """# Old links and typed names, to HTTPS. Access codes stand in them: no log.
server {
@listen@
    server_name @name@;
    server_tokens off;
    access_log off;
    error_log /dev/null emerg;
    return 308 https://$host$request_uri;
}

"""

# What may stand unquoted in nginx's settings, and mean itself.
_NAME = re.compile(r"(?:\*?\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?P<any>\.\*)?|\[(?P<ip>[0-9A-Fa-f:.]+)\]")
_LISTEN = re.compile(r"(?:(?P<v4>[0-9.]+):|\[(?P<v6>[0-9A-Fa-f:.]+)\]:)?(?P<port>[1-9][0-9]{0,4})")


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
    """The text of the site. Raises EdgedError for what nginx refuses, or could read as something else."""
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
        "fallback": next((name for name in site.name.split(" ") if rules.host(name) == ""), "localhost"),
        "listen": "\n".join(lines),
        "redirect": _redirect(site, listen) if secure else "",
        "cache": site.cache,
        "log": site.log,
    }
    return _filled(SITE.read_text(), values)


def _redirect(site: Site, listen: tuple[str, ...]) -> str:
    """Sends who comes by plain HTTP to HTTPS, wherever that is at its own port; "" where it is not."""
    secure = {_address(each) for each in listen}
    plain = [
        f"    listen {each.removesuffix('443')}80;"
        for each in listen
        if (address := _address(each))[1] == 443 and (address[0], 80) not in secure
    ]
    return _filled(REDIRECT, {"listen": "\n".join(plain), "name": site.name}) if plain else ""


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"@([a-z]+)@", lambda match: values[match[1]], text)


def _check(site: Site) -> None:
    if bool(site.certificate) != bool(site.key):
        raise EdgedError("A certificate goes with its key: name both, or none.")
    if why := rules.proxy_folder(str(site.folder)):
        raise EdgedError(f"web.proxy_folder = {str(site.folder)!r}: {why}.")
    for path in filter(None, (site.certificate, site.key, site.cache, site.log)):
        if not rules.PLAIN_PATH.fullmatch(path):
            raise EdgedError(f"{path!r}: must be an absolute path of plain letters, for nginx.")
    for name in site.name.split(" "):
        if not _is_name(name):
            raise EdgedError(f"{name!r}: must be the name of a host; `*` stands for a whole part at its end.")
    addresses = [_address(each) for each in site.listen]
    for each, address in zip(site.listen, addresses, strict=True):
        if addresses.count(address) > 1:
            raise EdgedError(f"{each!r}: is listened on twice.")


def _is_name(name: str) -> bool:
    found = _NAME.fullmatch(name)
    if found is None or (found["any"] and name.startswith(("*", "."))):
        return False
    return found["ip"] is None or _is_ip(found["ip"], ipaddress.IPv6Address)


def _address(listen: str) -> tuple[str, int]:
    """What is listened on; a bare port is that of all IPv4 addresses. Raises EdgedError for what is none."""
    found = _LISTEN.fullmatch(listen)
    if (
        found is None
        or int(found["port"]) > 65535
        or (found["v4"] and not _is_ip(found["v4"], ipaddress.IPv4Address))
        or (found["v6"] and not _is_ip(found["v6"], ipaddress.IPv6Address))
    ):
        raise EdgedError(
            f"{listen!r}: must be a port (1 to 65535), ADDRESS:PORT, or [ADDRESS]:PORT for IPv6."
        )
    return str(ipaddress.ip_address(found["v4"] or found["v6"] or "0.0.0.0")), int(found["port"])  # noqa: S104


def _is_ip(told: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    """Whether a server can listen there: an IPv4 address in IPv6's words is none of that."""
    try:
        return getattr(kind(told), "ipv4_mapped", None) is None
    except ValueError:
        return False
