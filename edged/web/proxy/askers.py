"""Who may open a proxy's sockets, by the modes of files: nginx runs as another user than edged.

Without it nginx answers 502 to everybody and, having no error log, says nowhere why. Blocks: call it in a
thread. Lists of access control are not looked at.
"""

import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from edged.web.proxy.sockets import DESK, WEB

ENTER, OPEN = 0o1, 0o2


def why_nobody(folder: Path) -> str:
    """Why no user but the sockets' own may open both of them, as a sentence; "" when somebody may.

    Raises OSError for sockets that are not there or may not be looked at.
    """
    group = (folder / WEB).stat().st_gid
    others = tuple(_others(folder))
    if not others:
        return f"They are of the group {_group(group)}, in which is nobody but the user that runs edged."
    if any(_may_open(folder, user) for user in others):
        return ""
    closed = next((place for place in _way(folder) if not _may(others[0], place, ENTER)), None)
    if closed is None:
        return f"Their modes do not let the group {_group(group)} open them."
    return f"The user {others[0].pw_name} may not enter {closed}."


def askers(folder: Path) -> list[str]:
    """Names of the users, besides the sockets' own and root, who may open both. Raises OSError likewise."""
    return sorted(user.pw_name for user in _others(folder) if _may_open(folder, user))


def _others(folder: Path) -> Iterator[pwd.struct_passwd]:
    """Those in the group of the sockets: what nobody else may open by the mode that we give them."""
    found = (folder / WEB).stat()
    try:
        named = set(grp.getgrgid(found.st_gid).gr_mem)
    except KeyError:
        named = set()
    for user in pwd.getpwall():
        if (user.pw_gid == found.st_gid or user.pw_name in named) and user.pw_uid not in {0, found.st_uid}:
            yield user


def _may_open(folder: Path, user: pwd.struct_passwd) -> bool:
    enters = all(_may(user, place, ENTER) for place in _way(folder))
    return enters and all(_may(user, folder / name, OPEN) for name in (WEB, DESK))


def _way(folder: Path) -> tuple[Path, ...]:
    """The folder and all above it, where it really is."""
    real = folder.resolve()
    return (real, *real.parents)


def _may(user: pwd.struct_passwd, place: Path, right: int) -> bool:
    found = place.stat()
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & right << 6)
    if found.st_gid in os.getgrouplist(user.pw_name, user.pw_gid):
        return bool(found.st_mode & right << 3)
    return bool(found.st_mode & right)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
