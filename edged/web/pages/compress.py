"""Pages go out compressed where the browser takes it: a day's list of clips shrinks to a tenth.

Nothing that a page says is both secret and beside what a stranger can put into it (there are no form
tokens), so its length tells nothing.
"""

import gzip

from quart import Request, Response

LEAST = 1024
LEVEL = 4  # about a millisecond for the longest page


async def compressed(request: Request, response: Response) -> Response:
    """The response, its HTML gzipped when it is worth it and the browser asked for it."""
    if response.mimetype != "text/html" or "Content-Encoding" in response.headers:
        return response
    body = await response.get_data(as_text=False)
    response.vary.add("Accept-Encoding")
    if len(body) >= LEAST and request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
