"""Whether other settings can run here, asked while the old ones still do: nothing stops for some that cannot.

Only what differs is looked at; what the running parts hold themselves is theirs to give up.
"""

from functools import partial
from pathlib import Path

import trio

from edged.config import Config, rules
from edged.errors import StartupError
from edged.folders import hold_folder, prepare_folder
from edged.media.door import Door
from edged.media.mediamtx import MediaMtxEngine
from edged.media.ports import check_webrtc_port
from edged.media.select import select_engine
from edged.recordings.place import hopeless
from edged.web.proxy.sockets import check_proxy_folder
from edged.web.server.serve import open_sockets


async def preflight(old: Config, new: Config) -> None:
    """Raises StartupError for folders, addresses or a MediaMTX with which `new` could not start.

    `old` is at work. Folders are made where they are missing; nothing else is changed. The recordings folder
    is not made: its disk may come later, and only what no disk can mend is refused.
    """
    await trio.to_thread.run_sync(partial(_folders, old, new))
    await trio.to_thread.run_sync(partial(_addresses, old, new))
    if new.media == old.media:
        return
    # It is only made, never run.
    engine = await select_engine(new.media, runtime=Path(new.paths.runtime), door=Door(), auth_url="")
    port = new.media.webrtc_port
    held = old.media.engine != "embedded" and port == old.media.webrtc_port
    if isinstance(engine, MediaMtxEngine) and port and not held:
        check_webrtc_port(port)


def _folders(old: Config, new: Config) -> None:
    footage = new.paths.recordings
    if footage != old.paths.recordings and (why := hopeless(Path(footage))):
        raise StartupError(
            f"paths.recordings = {footage!r}: {why}. Set paths.recordings to a folder on a disk, or to one"
            " where a disk will be mounted."
        )
    held = {old.paths.data, old.paths.recordings, old.paths.runtime}
    for name, marker in (("data", "daemon.lock"), ("runtime", "")):
        place = getattr(new.paths, name)
        if place in held:
            continue
        key = f"paths.{name}"
        prepare_folder(Path(place), key=key, mode=0o700)
        with hold_folder(Path(place), key=key, marker=marker):
            pass
    if new.web.proxy_folder and new.web.proxy_folder != old.web.proxy_folder:
        check_proxy_folder(Path(new.web.proxy_folder))


def _addresses(old: Config, new: Config) -> None:
    ours = (*old.web.listen, *old.metrics.listen)
    unheld = [each for each in new.web.listen if not any(rules.same_socket(each, own) for own in ours)]
    for listening in open_sockets(unheld, key="web.listen"):
        listening.close()
