"""The web application: Quart for pages and API, plain ASGI in front of it for media and files."""

import logging
from pathlib import Path
from typing import cast

import msgspec
from quart import Response, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from edged.web import guard
from edged.web.api import api
from edged.web.asgi import App, Refused, Scope
from edged.web.body import MOST_BODY
from edged.web.events import CameraNews
from edged.web.front import REFUSED_KEY, Front
from edged.web.gates import gates
from edged.web.keepalive import shield_last_send
from edged.web.pages import pages
from edged.web.parts import WebParts
from edged.web.words import ENGLISH

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent


class EdgedWeb(QuartTrio):
    """Pages and API, with the parts they ask."""

    def __init__(self, parts: WebParts, news: CameraNews) -> None:
        super().__init__("edged.web", root_path=str(ROOT), static_folder=None, template_folder="templates")
        self.parts, self.news = parts, news
        self.config.update(MAX_CONTENT_LENGTH=MOST_BODY, MAX_FORM_MEMORY_SIZE=MOST_BODY, MAX_FORM_PARTS=32)
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = True


def create_app(parts: WebParts) -> App:
    """The ASGI application. It needs its lifespan run, as `serve_web` does."""
    news = CameraNews(parts)
    quart = EdgedWeb(parts, news)
    quart.register_blueprint(pages)
    quart.register_blueprint(gates)
    quart.register_blueprint(api)
    quart.before_request(_refuse_what_the_front_refused)
    quart.register_error_handler(guard.SignInFirst, _sign_in)
    quart.register_error_handler(Refused, _refuse)
    quart.register_error_handler(HTTPException, _refuse_http)
    quart.register_error_handler(Exception, _fault)
    return shield_last_send(Front(parts, quart, news, static=ROOT / "static"))


async def _refuse_what_the_front_refused() -> None:
    refused = cast("Scope", request.scope).get(REFUSED_KEY)
    if isinstance(refused, Refused):
        raise refused


async def _sign_in(error: guard.SignInFirst) -> ResponseReturnValue:
    return redirect(error.location, 303)


async def _refuse(error: Refused) -> ResponseReturnValue:
    response = await _error_response(error.status)
    for name, value in error.headers:
        response.headers[name.decode()] = value.decode("latin-1")
    return response


async def _refuse_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error.get_response()
    response = await _error_response(error.code)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after", "content-range"}:
            response.headers[name] = value
    return response


async def _fault(error: Exception) -> ResponseReturnValue:
    logger.error("a request failed: %s %s", request.method, request.path, exc_info=error)
    return await _error_response(500)


async def _error_response(status: int) -> Response:
    """A page for people, JSON for programs."""
    words = ENGLISH.get(f"error.{status}") or ENGLISH["error.400" if status < 500 else "error.500"]
    if (
        request.path.startswith("/api/")
        or request.path == "/health"
        or request.mimetype == "application/json"
    ):
        return Response(msgspec.json.encode({"error": words}), status, content_type="application/json")
    how = ENGLISH.get(f"error.{status}_how", "")
    try:
        return Response(await render_template("error.html", status=status, words=words, how=how), status)
    except Exception:
        logger.exception("the error page failed")
        return Response(f"{words} {how}\n", status, content_type="text/plain; charset=utf-8")
