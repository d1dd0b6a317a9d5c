"""The folders that the daemon needs, made and proved before anything is started."""

import os
import tempfile
from pathlib import Path

from edged.errors import StartupError


def prepare_folder(path: Path, *, key: str, mode: int) -> None:
    """Make `path` if needed and prove that we can write there.

    Raises StartupError, whose one line names the settings' key, the path and the remedy.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        descriptor, probe = tempfile.mkstemp(prefix=".edged-write-test-", dir=path)
        os.close(descriptor)
        Path(probe).unlink()
    except OSError as error:
        raise StartupError(
            f"{key} = {str(path)!r}: cannot be written ({error.strerror}). "
            f"Give the user that runs edged this folder, or set {key} to another."
        ) from error
