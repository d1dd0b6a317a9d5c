"""Rules of single values that a type and its limits cannot say: pure functions from a value to what is
allowed.

Each returns "" when the value will do, else words that complete "KEY = VALUE: …" and name the remedy.
"""

import difflib
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import PurePosixPath

from edged.capture.job import ENCODERS

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
# The name of a unix socket has at most 107 bytes; "/desk.sock" is the longer of the two.
MOST_PROXY_FOLDER = 97
# What may stand unquoted in nginx's settings, and mean itself.
PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/+-]*", re.ASCII)
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def did_you_mean(word: str, known: "tuple[str, ...]") -> str:
    """' (did you mean "…"?)' for the known word that is close to `word`, else ''."""
    close = closest(word, known)
    return f' (did you mean "{close}"?)' if close else ""


def closest(word: str, known: "tuple[str, ...]") -> str:
    """The known word that is close to `word`, else ""."""
    return next(iter(difflib.get_close_matches(word[:100].casefold(), known, n=1, cutoff=0.6)), "")


def label(value: str) -> str:
    """Rule of a name that people read."""
    return (
        ""
        if value.isprintable() and value == value.strip()
        else "must be printable characters in one line, no spaces around them"
    )


def encoder(value: str) -> str:
    """Rule of an encoder's name."""
    return (
        "" if value in ENCODERS else f"must be one of {', '.join(ENCODERS)}" + did_you_mean(value, ENCODERS)
    )


def folder(value: str) -> str:
    """Rule of a folder: absolute, or empty for the default."""
    return _absolute(value, "a folder") if value else ""


def proxy_folder(value: str) -> str:
    """Rule of the folder of a proxy's sockets: absolute, such that nginx's settings can name it, or empty."""
    if wrong := folder(value):
        return wrong
    if value and (not PLAIN_PATH.fullmatch(value) or len(value) > MOST_PROXY_FOLDER):
        return (
            f"must have letters, digits and . _ + - only, for nginx, and at most {MOST_PROXY_FOLDER} of them"
        )
    if any(PurePosixPath(value).is_relative_to(kernels) for kernels in ("/proc", "/sys")):
        return "is the kernel's own, where nothing can be made; name another, such as /run/edged-proxy"
    return ""


def program(value: str) -> str:
    """Rule of a program: absolute, or empty to look for it."""
    return _absolute(value, "a program") if value else ""


def token_file(value: str) -> str:
    """Rule of a file that holds a token: absolute, or empty for none."""
    return _absolute(value, "a file with a token") if value else ""


def source(value: str) -> str:
    """Rule of a camera's source."""
    if value in {"", "synthetic"}:
        return ""
    kind, colon, path = value.partition(":")
    if kind == "file" and colon:
        return _absolute(path, 'a file, as in "file:/srv/video.mp4"')
    return 'must be "synthetic", "file:/path/of/a/video", or empty for a USB camera' + did_you_mean(
        kind, ("synthetic", "file")
    )


def listen_address(value: str) -> str:
    """Rule of an address to serve on."""
    wanted = 'must be "ADDRESS:PORT" with an IP address of this box, as in "0.0.0.0:8080" or "[::]:8080"'
    host_part, colon, port = value.rpartition(":")
    if not colon:
        return wanted
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        return "the port must be from 1 to 65535"
    if host_part.startswith("[") and host_part.endswith("]"):
        return "" if _ip(host_part[1:-1], IPv6Address) else wanted
    return "" if host_part == "localhost" or _ip(host_part, IPv4Address) else wanted


def same_socket(one: str, other: str) -> bool:
    """Whether two addresses to serve on exclude each other: equal, or one stands for all of its kind."""
    (host_part, _, port), (other_host, _, other_port) = one.rpartition(":"), other.rpartition(":")
    if int(port) != int(other_port) or host_part.startswith("[") != other_host.startswith("["):
        return False
    hosts = {ip_address("127.0.0.1" if h == "localhost" else h.strip("[]")) for h in (host_part, other_host)}
    return len(hosts) == 1 or any(address.is_unspecified for address in hosts)


def is_loopback(address: str) -> bool:
    """Whether an address to serve on can only be reached from this machine."""
    host_part = address.rpartition(":")[0]
    return host_part == "localhost" or ip_address(host_part.strip("[]")).is_loopback


def host(value: str) -> str:
    """Rule of a host's name or address."""
    if _ip(value, IPv4Address) or _ip(value, IPv6Address):
        return ""
    labels = value.removesuffix(".").split(".")
    if len(value) <= 253 and all(_HOST_LABEL.fullmatch(part) for part in labels) and not labels[-1].isdigit():
        return ""
    return 'must be a host name or an IP address, as in "camera.example.org" or "192.0.2.7"'


def slug(value: str) -> str:
    """Rule of a camera's short name."""
    if SLUG.fullmatch(value):
        return ""
    close = re.sub(r"[^a-z0-9]+", "-", value[:63].lower()).strip("-")
    hint = f' (did you mean "{close}"?)' if close else ""
    return f"a camera's short name has lower-case letters, digits and inner dashes only, at most 64{hint}"


def _absolute(value: str, what: str) -> str:
    if not value.isprintable() or len(value) > 4000:
        return f"must be the path of {what}: printable characters only, at most 4000"
    if not value.startswith("/"):
        return f"must be the absolute path of {what}, beginning with /"
    if ".." in PurePosixPath(value).parts:
        return f'must be the path of {what} without ".."'
    return ""


def _ip(value: str, kind: "type[IPv4Address | IPv6Address]") -> bool:
    try:
        return isinstance(ip_address(value), kind) and "%" not in value
    except ValueError:
        return False
