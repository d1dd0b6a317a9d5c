"""The least that a page of ours can cost: one Quart-Trio route on Hypercorn, with an answer of the same size.

Started as `python bare_quart.py PORT BYTES`; runs until killed.
"""

import sys

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart_trio import QuartTrio


def bare_app(size: int) -> QuartTrio:
    """An app whose `/` answers with `size` bytes."""
    app = QuartTrio("bare")
    text = "x" * size

    @app.get("/")
    async def page() -> str:
        return text

    return app


if __name__ == "__main__":
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.accesslog = None
    trio.run(serve, bare_app(int(sys.argv[2])), config)
