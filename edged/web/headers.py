"""Headers that every answer carries, whoever made it."""

from edged.web.asgi import Message, Send

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
NO_STORE = (b"cache-control", b"no-store")
NO_CONTENT = 204
ABOUT_CONTENT = frozenset({b"content-length", b"content-type"})


def dressed(send: Send) -> Send:
    """`send` that adds the headers; who says nothing about caching is not cached.

    An answer without content says nothing of any (Quart would).
    """

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *ALWAYS]
            if message["status"] == NO_CONTENT:
                headers = [pair for pair in headers if pair[0].lower() not in ABOUT_CONTENT]
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append(NO_STORE)
            message = {**message, "headers": headers}
        await send(message)

    return sending
