"""The seam between Quart-Trio and Hypercorn at the end of a response.

While Hypercorn handles the last message of a body it tells the application `http.disconnect`; Quart-Trio
then cancels the request, and with it the very `send` that was about to restart the idle timer or close the
connection. Such a connection stays open for ever. Shielding that one send lets it finish; Hypercorn #330
probably sees the same.
"""

import trio

from edged.web.server.asgi import App, Message, Receive, Scope, Send


def shield_last_send(app: App) -> App:
    """`app`, whose last send of each response cannot be cancelled half way."""

    async def shielding(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                with trio.CancelScope(shield=True):
                    await send(message)
            else:
                await send(message)

        await app(scope, receive, shielded)

    return shielding
