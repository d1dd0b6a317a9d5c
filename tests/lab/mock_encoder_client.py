"""Asks `mock_encoder_codec.py` to encode pictures of a file that both have. Standard library only."""

import json
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Packet:
    """What became of a picture; `headers` are SPS and PPS, which are not in `data`."""

    data: bytes
    headers: bytes
    is_key: bool


class Codec:
    """A connection to the codec: an encoder of its own."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile("rwb")

    def begin(self, **settings: object) -> None:
        """Open the encoder."""
        self._say(settings)

    def encode(self, offset: int, line: int, *, key: bool, lie: str = "") -> Packet:
        """The picture at this place of the file, `line` bytes a line, or what a `lie` makes of it."""
        self._say({"offset": offset, "line": line, "key": key, "lie": lie})
        answer = json.loads(self._file.readline())
        data = self._file.read(answer["bytes"])
        return Packet(data=data, headers=bytes.fromhex(answer["headers"]), is_key=answer["key"])

    def close(self) -> None:
        """Give it back."""
        self._file.close()
        self._socket.close()

    def _say(self, words: dict[str, object]) -> None:
        self._file.write(json.dumps(words).encode() + b"\n")
        self._file.flush()
