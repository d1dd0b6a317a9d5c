"""Asks the running daemon, by a socket that only root and edged's own user can open: for the commands.

What is asked there is the same API as over the network, by an admin called root.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from edged.errors import EdgedError

if TYPE_CHECKING:
    import httpx

SOCKET_NAME = "control.sock"
SECONDS = 30.0
# What is only told comes from memory: a daemon that says nothing for so long hangs.
READ_SECONDS = 5.0


class ControlError(EdgedError):
    """The daemon cannot be asked, or refused; its words name the reason and the remedy.

    `status` is HTTP's, 0 when nobody answered; `field` is the key of the value that was refused.
    """

    def __init__(self, words: str, status: int = 0, field: str = "") -> None:
        super().__init__(words)
        self.status, self.field = status, field


class HungError(ControlError):
    """The daemon took the question and gave no answer in time."""


class ForbiddenError(ControlError):
    """The one who asks may not even learn whether a daemon runs."""


class Control:
    """A way to the daemon whose runtime folder (`paths.runtime`) is `runtime`; use it in a `with` block.

    Each method returns what the JSON of the answer says (None without any) and raises ControlError.
    """

    def __init__(self, runtime: Path, *, seconds: float = SECONDS) -> None:
        self._runtime, self._seconds = runtime, seconds
        self._folder = -1
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        from edged.http_client import httpx  # noqa: PLC0415  # the commands that ask nothing start fast

        try:
            self._folder = os.open(self._runtime, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreachable(self._runtime, error) from error
        # By the folder's number: the name of a socket has at most 107 bytes, the path of a folder has not.
        # Nothing is encrypted here, and reading the system's certificates takes longer than most answers.
        way = httpx.HTTPTransport(uds=f"/proc/self/fd/{self._folder}/{SOCKET_NAME}", verify=False)
        self._client = httpx.Client(transport=way, base_url="http://edged", timeout=self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def get(self, path: str, **query: str) -> Any:
        """GET."""
        return self._ask("GET", path, None, query)

    def post(self, path: str, value: object = None) -> Any:
        """POST `value` as JSON."""
        return self._ask("POST", path, value, {})

    def patch(self, path: str, value: object) -> Any:
        """PATCH with `value` as JSON."""
        return self._ask("PATCH", path, value, {})

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._ask("DELETE", path, None, {})

    def _ask(self, method: str, path: str, value: object, query: dict[str, str]) -> Any:
        from edged.http_client import httpx  # noqa: PLC0415

        assert self._client is not None, "use it in a `with` block"
        more: dict[str, Any] = {"json": value} if value is not None else {}
        seconds = min(self._seconds, READ_SECONDS) if method == "GET" else self._seconds
        try:
            answer = self._client.request(method, path, params=query, timeout=seconds, **more)
        except httpx.ConnectError as error:
            raise _unreachable(self._runtime, error) from error
        except httpx.TimeoutException as error:
            raise HungError(
                f"edged hangs: it runs, but gave no answer within {seconds:g} s."
                " Restart it: systemctl restart edged"
            ) from error
        except httpx.TransportError as error:
            raise ControlError(
                f"edged did not answer ({type(error).__name__}). Look at its log: journalctl -u edged"
            ) from error
        told = _json(answer)
        if answer.status_code >= 400:
            told = told if isinstance(told, dict) else {}
            words = str(told.get("error") or f"edged refused with status {answer.status_code}.")
            raise ControlError(words, answer.status_code, str(told.get("field", "")))
        return told


def _json(answer: "httpx.Response") -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None


def _unreachable(runtime: Path, error: Exception) -> ControlError:
    socket = runtime / SOCKET_NAME
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, PermissionError):
        return ForbiddenError(f"{socket}: only root and edged's own user may ask. Try again with sudo.")
    return ControlError(
        f"{socket}: no edged is running there. Start it with `systemctl start edged`, "
        "or name its settings file with --config."
    )
