"""Headers that every answer carries, whoever made it."""

from collections.abc import Callable

from edged.web.server.asgi import Message, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")
)

# `same-origin`, not `no-referrer`: under the latter browsers send `Origin: null` with forms, which our
# check of the origin must refuse. Nothing is told to other sites by either.
ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", PERMISSIONS_POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# What a guest's page carries, to be shown within the page of another site (the embed snippet). No cookie of
# ours goes along there, so nothing but the guest's own picture can be pressed.
FRAMED: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.replace("ancestors 'none'", "ancestors *").encode()),
    *(
        pair
        for pair in ALWAYS
        if pair[0] not in {b"content-security-policy", b"cross-origin-resource-policy"}
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
NO_STORE = (b"cache-control", b"no-store")
NO_CONTENT = 204
ABOUT_CONTENT = frozenset({b"content-length", b"content-type"})


def dressed(send: Send, *, framed: Callable[[], bool] = lambda: False) -> Send:
    """`send` that adds the headers; who says nothing about caching is not cached.

    `framed`, asked when the answer begins, is whether other sites may show it within themselves.
    An answer without content says nothing of any (Quart would).
    """

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *(FRAMED if framed() else ALWAYS)]
            if message["status"] == NO_CONTENT:
                headers = [pair for pair in headers if pair[0].lower() not in ABOUT_CONTENT]
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append(NO_STORE)
            message = {**message, "headers": headers}
        await send(message)

    return sending
