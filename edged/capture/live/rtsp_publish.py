"""Publishing by RTSP (RFC 2326) over one TCP connection: ANNOUNCE, SETUP, RECORD, interleaved packets.

Our own, and not libav's muxer: PyAV holds Python's lock while libav connects and says good-bye, so a server
that is stopped would stop the whole worker, and the muxer has no timeout for its socket.
No error of this module holds the address, which may carry a secret.
"""

import base64
import select
import socket
import time
from collections.abc import Callable
from fractions import Fraction
from urllib.parse import unquote, urlsplit, urlunsplit

from edged.capture.h264 import PICTURE_PARAMETER_SET, SEQUENCE_PARAMETER_SET, nal_type, parameter_sets
from edged.capture.packets import StreamInfo

MAX_ANSWER = 65_536
# Small, so that what a stopped server left unread is soon over when it goes on, in bytes.
SEND_BUFFER = 262_144
VIDEO_CLOCK = 90_000
AUDIO_CLOCK = 48_000


class RtspError(OSError):
    """The server refused or broke the conversation; the words hold no address."""


class Publication:
    """A connection on which these streams are published; made by `publish`.

    The raw socket is `connection`: another thread may shut it down to end a blocked call.
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self.connection = connection
        self._timeout = timeout
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._received = bytearray()
        self._sequence = 0
        self._session = ""
        self._authorization = ""
        self._target = ""

    def open(self, url: str, streams: tuple[StreamInfo, ...], key_frame: bytes) -> None:
        """Announce and set up the streams in their order, and begin to record. Raises OSError."""
        parts = urlsplit(url)
        host = (parts.netloc.rpartition("@")[2]) or "127.0.0.1"
        self._target = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = "Basic " + base64.b64encode(user.encode()).decode()
        sdp = describe(streams, key_frame)
        self._ask("ANNOUNCE", self._target, "Content-Type: application/sdp", body=sdp.encode())
        for at in range(len(streams)):
            transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * at}-{2 * at + 1};mode=record"
            self._ask("SETUP", _track_url(self._target, at), transport)
        self._ask("RECORD", self._target, "Range: npt=0.000-")

    def send(self, data: bytes) -> None:
        """Send framed packets; takes as long as the server takes. Raises OSError.

        `TimeoutError` when the server takes nothing for the whole timeout.
        """
        view = memoryview(data)
        while view:
            sent = self.connection.send(view)
            view = view[sent:]
        self._listen()

    def end(self) -> None:
        """Say good-bye if that takes no time, and close. Never raises."""
        try:
            self.connection.settimeout(0)
            if self._session:
                self.connection.send(self._request("TEARDOWN", self._target))
        except OSError:
            pass
        self.connection.close()

    def _listen(self) -> None:
        """Drop what the server said meanwhile (receiver reports); notice when it has left."""
        while self._readable.poll(0):
            if not self.connection.recv(65536):
                raise RtspError("the server closed the connection")

    def _request(self, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
        self._sequence += 1
        lines = [f"{method} {target} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: edged", *headers]
        if self._authorization:
            lines.append(f"Authorization: {self._authorization}")
        if self._session:
            lines.append(f"Session: {self._session}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _ask(self, method: str, target: str, *headers: str, body: bytes = b"") -> None:
        deadline = time.monotonic() + self._timeout
        self.connection.sendall(self._request(method, target, *headers, body=body))
        status, answer = self._answer(deadline)
        if status != 200:
            raise RtspError(f"the server answered {status} to {method}")
        self._session = answer.get("session", self._session).partition(";")[0].strip()

    def _answer(self, deadline: float) -> tuple[int, dict[str, str]]:
        """Status and headers (lower case) of the next answer."""
        while self._received[:1] == b"$" or (end := self._received.find(b"\r\n\r\n")) < 0:
            if not self._skip_packet():
                self._receive(deadline)
        head = bytes(self._received[:end]).decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        version, _, rest = head[0].partition(" ")
        status = rest[:3]
        if not version.startswith("RTSP/") or not status.isdecimal():
            raise RtspError("the server does not speak RTSP")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])
        }
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_ANSWER:
            raise RtspError("the server sent a broken answer")
        while len(self._received) < int(length):
            self._receive(deadline)
        del self._received[: int(length)]
        return int(status), headers

    def _skip_packet(self) -> bool:
        """Drop an interleaved packet (a receiver report) that came before the answer, if it is whole."""
        if self._received[:1] != b"$" or len(self._received) < 4:
            return False
        end = 4 + int.from_bytes(self._received[2:4], "big")
        if len(self._received) < end:
            return False
        del self._received[:end]
        return True

    def _receive(self, deadline: float) -> None:
        if len(self._received) > MAX_ANSWER or time.monotonic() > deadline:
            raise RtspError("the server sent no proper answer in time")
        heard = self.connection.recv(4096)
        if not heard:
            raise RtspError("the server closed the connection")
        self._received += heard


def connect(url: str, timeout: float, on_socket: Callable[[socket.socket], None]) -> socket.socket:
    """A TCP connection to the server of `url`; `on_socket` gets it before it connects. Raises OSError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 554
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        on_socket(connection)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def describe(streams: tuple[StreamInfo, ...], key_frame: bytes) -> str:
    """SDP of the streams; track numbers are their order."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=edged", "c=IN IP4 0.0.0.0", "t=0 0"]
    for at, info in enumerate(streams):
        payload_type = 96 + at
        if info.kind == "video":
            sets = parameter_sets(key_frame) or parameter_sets(info.extradata)
            chosen = [unit for unit in sets if nal_type(unit) == SEQUENCE_PARAMETER_SET][:1]
            chosen += [unit for unit in sets if nal_type(unit) == PICTURE_PARAMETER_SET]
            format_parameters = "packetization-mode=1"
            if chosen:
                encoded = ",".join(base64.b64encode(unit).decode() for unit in chosen)
                format_parameters += (
                    f";sprop-parameter-sets={encoded};profile-level-id={chosen[0][1:4].hex().upper()}"
                )
            lines += [f"m=video 0 RTP/AVP {payload_type}", f"a=rtpmap:{payload_type} H264/{VIDEO_CLOCK}"]
        else:
            format_parameters = f"sprop-stereo={int(info.channels > 1)}"
            lines += [f"m=audio 0 RTP/AVP {payload_type}", f"a=rtpmap:{payload_type} opus/{AUDIO_CLOCK}/2"]
        lines += [f"a=fmtp:{payload_type} {format_parameters}", f"a=control:trackID={at}"]
    return "\r\n".join([*lines, ""])


def clock_rate(info: StreamInfo) -> int:
    """RTP clock of a stream, per second."""
    return VIDEO_CLOCK if info.kind == "video" else AUDIO_CLOCK


def timestamp(pts: int, info: StreamInfo) -> int:
    """RTP time stamp of a presentation time in the stream's time base."""
    return round(Fraction(pts) * info.time_base * clock_rate(info))


def _track_url(target: str, track: int) -> str:
    """Where a track is set up: the control word of the SDP, after the address and its query."""
    return f"{target.rstrip('/')}/trackID={track}"
