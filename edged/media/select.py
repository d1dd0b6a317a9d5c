"""Which media engine runs: what the settings say, and what this machine has."""

import logging
from pathlib import Path

from edged.config import MediaSettings
from edged.errors import StartupError
from edged.media.choose import DOWNLOAD, VARIABLE, check_version, find_mediamtx
from edged.media.door import Door
from edged.media.embedded import EmbeddedEngine
from edged.media.engine import MediaEngine
from edged.media.mediamtx import MediaMtxEngine
from edged.media.mediamtx_unit import unit_folder

logger = logging.getLogger(__name__)

MISSING = (
    "MediaMTX not found: no WebRTC, live pictures come seconds late by plain HLS."
    f" Get {DOWNLOAD}, put its program mediamtx on PATH or name it in media.mediamtx or {VARIABLE}"
)


async def select_engine(media: MediaSettings, *, runtime: Path, door: Door, auth_url: str) -> MediaEngine:
    """The engine that `media.engine` asks for; "auto" takes MediaMTX when there is one, and says so when not.

    Raises StartupError, one line with its remedy, for a MediaMTX that is missing though asked for, cannot be
    run or has another version.
    """
    program = None if media.engine == "embedded" else find_mediamtx(media.mediamtx)
    if program is None:
        if media.engine == "mediamtx":
            raise StartupError(f'media.engine = "mediamtx", but there is none (1.20.x is needed). {MISSING}.')
        if media.engine == "auto":
            logger.warning("%s", MISSING)
        return EmbeddedEngine(runtime=runtime)
    await check_version(program)
    return MediaMtxEngine(
        program=program,
        runtime=runtime,
        unit=unit_folder(media.life, program),
        door=door,
        auth_url=auth_url,
        webrtc_port=media.webrtc_port,
        webrtc_hosts=media.webrtc_hosts,
        log=logging.getLogger("edged.media.mediamtx"),
    )
