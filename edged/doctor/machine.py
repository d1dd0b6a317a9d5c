"""What the machine offers: folders, disk, camera nodes, groups, clock, ports."""

import errno
import grp
import os
import pwd
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from edged.config import Config, PathSettings, RetentionSettings
from edged.doctor.line import Line, fail, ok, warn
from edged.doctor.running import State
from edged.recordings.clock_guard import is_synchronised
from edged.recordings.retention import rules_for

USER = "edged"
# What the user of the service must belong to, and what for.
GROUPS = {"video": "cameras", "audio": "microphones", "render": "hardware encoders"}
GB = 1_000_000_000
CONNECT_SECONDS = 2.0


def folder_lines(paths: PathSettings) -> Iterator[Line]:
    """The folders of database and run time."""
    for name in ("data", "runtime"):
        path, key = Path(getattr(paths, name)), f"folder:{name}"
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            yield warn(key, f"{path} is not there yet.", "Start edged, it makes this folder.")
        except OSError as error:
            yield fail(key, f"{path} cannot be looked at: {error.strerror}", _own(path))
        else:
            if not stat.S_ISDIR(mode):
                yield fail(
                    key, f"{path} is no folder.", "Move it away, or name another folder in the settings."
                )
            elif mode & 0o007:
                yield warn(key, f"Everybody on this box may enter {path}.", f"chmod 700 {path}")
            else:
                yield ok(key, f"{path} is there, and private.")


def recordings_lines(
    root: Path,
    retention: RetentionSettings,
    *,
    look: Callable[[Path], os.statvfs_result] = os.statvfs,
    may_write: Callable[[Path], bool] = lambda root: os.access(root, os.W_OK | os.X_OK),
) -> Iterator[Line]:
    """The disk of the recordings: there, writable, with room."""
    try:
        told = look(root)
    except FileNotFoundError:
        yield warn("recordings", f"{root} is not there.", "Is its disk mounted? Without one, start edged.")
        return
    except OSError as error:
        what = f"The recordings disk fails: {error.strerror}"
        yield fail("recordings", what, "Check its cable and power, and look at `dmesg`.")
        return
    total, free = told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize
    size = f"{free / GB:.1f} of {total / GB:.1f} GB free"
    floor = rules_for(retention, total).floor
    if told.f_flag & os.ST_RDONLY:
        what = f"The recordings disk ({root}) is read-only."
        yield fail("recordings", what, "Mount it writable; if it went read-only by itself, check it (fsck).")
    elif not may_write(root):
        yield fail("recordings", f"{root} may not be written to by who asks.", _own(root))
    elif free < floor:
        what = f"{root}: {size}, less than the {floor / GB:.1f} GB that should stay free."
        yield warn(
            "recordings", what, "Old recordings are deleted for it; if this lasts, see who fills the disk."
        )
    else:
        yield ok("recordings", f"{root}: {size}.")


def node_lines(
    dev: Path = Path("/dev"),
    may_open: Callable[[Path], bool] = lambda node: os.access(node, os.R_OK | os.W_OK),
) -> Iterator[Line]:
    """The nodes of cameras: that there are some, and that we may open them."""
    nodes = sorted(dev.glob("video*"))
    if not nodes:
        yield warn("cameras", "There is no video device.", "Plug a camera; `dmesg` tells whether it is seen.")
        return
    closed = [node.name for node in nodes if not may_open(node)]
    if closed:
        what = f"{', '.join(closed)} may not be opened by who asks."
        yield warn("cameras", what, "Ask as root, or add the user to the group video.")
    else:
        yield ok("cameras", f"{len(nodes)} video devices, all may be opened.")


def group_lines(
    members: Callable[[str], set[str] | None] = lambda group: _members(group, USER),
    exists: Callable[[], bool] = lambda: _exists(USER),
) -> Iterator[Line]:
    """Whether the user of the service belongs to the groups that it needs; nothing where there is none."""
    if not exists():
        return
    for group, what_for in GROUPS.items():
        found = members(group)
        if found is None:
            yield warn(
                f"group:{group}", f"There is no group {group} (for {what_for}).", "Nothing, if none is used."
            )
        elif USER not in found:
            what = f"The user {USER} is not in the group {group} (for {what_for})."
            yield fail(f"group:{group}", what, f"adduser {USER} {group}, then restart edged")
        else:
            yield ok(f"group:{group}", f"The user {USER} is in the group {group}.")


def clock_lines(
    synchronised: Callable[[], bool] = is_synchronised, *, trusted: bool = False
) -> Iterator[Line]:
    """Whether the network sets the clock, or the settings say that it is right without (`trusted`)."""
    if trusted:
        yield ok("clock", 'The clock is taken to be right: retention.clock = "always".')
    elif synchronised():
        yield ok("clock", "The clock is synchronised.")
    else:
        what = "The clock is not synchronised: footage is not deleted for its age."
        yield warn("clock", what, 'Let it reach a time server, or set retention.clock = "always".')


def port_lines(config: Config, *, state: State) -> Iterator[Line]:
    """Whether edged listens where it should; when it is down, whether it could.

    Nothing where edged itself may hold them without an answer.
    """
    if state not in {"answers", "down"}:
        return
    places = [("web", address) for address in config.web.listen]
    places += [("metrics", address) for address in config.metrics.listen]
    for name, address in places:
        key = f"port:{name}:{address}"
        if state == "answers":
            if _answers(address):
                yield ok(key, f"{name}: {address} is open.")
            else:
                yield fail(
                    key, f"{name}: nobody listens on {address}.", "Restart edged, and look at its log."
                )
        elif trouble := _cannot_bind(address):
            yield fail(
                key, f"{name}: {address} cannot be listened on ({trouble}).", f"Choose another {name}.listen."
            )
        else:
            yield ok(key, f"{name}: {address} is free.")


def _own(path: Path) -> str:
    return f"Give it to the user that runs edged: chown {USER}: {path}"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _members(group: str, user: str) -> set[str] | None:
    """Those named in the group, and `user` when it is their first one; None when there is no such group."""
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return None
    mine = {user} if pwd.getpwnam(user).pw_gid == found.gr_gid else set()
    return set(found.gr_mem) | mine


def _split(address: str) -> tuple[socket.AddressFamily, str, int]:
    host, _, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), host, int(port)


def _answers(address: str) -> bool:
    family, host, port = _split(address)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # it is only compared
    with socket.socket(family, socket.SOCK_STREAM) as asking:
        asking.settimeout(CONNECT_SECONDS)
        try:
            asking.connect((host, port))
        except OSError:
            return False
        return True


def _cannot_bind(address: str) -> str:
    """Why not; "" when it can be listened on."""
    family, host, port = _split(address)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                trying.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            trying.bind((host, port))
            trying.listen()
    except OSError as error:
        return "another program uses it" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return ""
