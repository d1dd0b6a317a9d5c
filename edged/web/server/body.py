"""Takes a request's whole body before anybody acts on it: small, in time, never left in Hypercorn's queue.

Hypercorn queues ten messages of a body for the application. When the application answers without having
read them, Hypercorn's own `http.disconnect` does not fit into that queue any more, and connection and task
hang for ever. So every body is read to its end or to a limit, and what comes past the limit is thrown away
while we answer.
"""

import trio

from edged.web.server.asgi import Message, Receive, Refused, Scope, Send, header

MOST_BODY = 64 * 1024
BODY_SECONDS = 10.0
# How much and how long we listen to somebody who is already refused, so that they can read why.
LINGER_BYTES = 8 * 1024 * 1024
LINGER_SECONDS = 2.0


def has_body(scope: Scope) -> bool:
    """Whether the request says that a body follows."""
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


async def read_body(scope: Scope, receive: Receive, *, most: int = MOST_BODY) -> bytes:
    """The whole body. Raises Refused(413) past `most` bytes.

    (408) past BODY_SECONDS, (400) when it breaks off.
    """
    length = header(scope, b"content-length")
    if length is not None and (not length.isdigit() or int(length[:19]) > most):
        raise Refused(413 if length.isdigit() else 400)
    body = bytearray()
    with trio.move_on_after(BODY_SECONDS):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400)
            body += message.get("body", b"")
            if len(body) > most:
                raise Refused(413)
            if not message.get("more_body", False):
                return bytes(body)
    raise Refused(408)


class Incoming:
    """`receive` of one request, which remembers whether the body has come to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.over = False

    async def __call__(self) -> Message:
        """As ASGI's `receive`."""
        message = await self._receive()
        self.over = self.over or message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was already read, then what really comes (the disconnect)."""
    given = False

    async def replaying() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


def lingering(receive: Incoming, send: Send) -> Send:
    """`send` for a refusal with an unread body.

    The answer goes out, then the rest is thrown away, then it ends. Nobody else may read meanwhile: the end
    of the body would be missed, and waited for.
    """

    async def throw_away() -> None:
        thrown = 0
        with trio.move_on_after(LINGER_SECONDS):
            while thrown <= LINGER_BYTES and not receive.over:
                thrown += len((await receive()).get("body", b""))

    async def keep_empty() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def sending(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body", False):
            await send(message)
            return
        await send({**message, "more_body": True})
        await throw_away()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_empty)
            with trio.CancelScope(shield=True):
                await send({"type": "http.response.body", "body": b""})
            nursery.cancel_scope.cancel()

    return sending
