"""The web application: Quart for pages and API, plain ASGI in front of it for media and files."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
from quart import Response, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from edged.errors import AccessError, StoreError
from edged.web import guard
from edged.web.api.cameras import api
from edged.web.api.codes import api_codes
from edged.web.api.json_answers import refused
from edged.web.api.recordings import api_recordings
from edged.web.api.retention import api_retention
from edged.web.api.stream import api_stream
from edged.web.api.stream_tokens import StreamTokens
from edged.web.api.users import api_users
from edged.web.api.volume import api_volume
from edged.web.api.webhooks import Webhooks
from edged.web.events import CameraNews
from edged.web.front import REFUSED_KEY, Front
from edged.web.media.viewings import Viewings
from edged.web.pages.account import account_pages
from edged.web.pages.codes import codes_pages
from edged.web.pages.gates import gates
from edged.web.pages.guest import guest_pages
from edged.web.pages.live import pages
from edged.web.pages.people import people_pages
from edged.web.pages.players import players_pages
from edged.web.pages.recordings import recordings_pages
from edged.web.pages.system import system_pages
from edged.web.parts import WebParts
from edged.web.server.asgi import App, Refused, Scope
from edged.web.server.body import MOST_BODY
from edged.web.server.entrance import Entrance
from edged.web.server.keepalive import shield_last_send
from edged.web.words import ENGLISH

Watched = Callable[[Scope, str], None]

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent
ROOMS = (
    pages,
    recordings_pages,
    codes_pages,
    guest_pages,
    people_pages,
    account_pages,
    system_pages,
    players_pages,
)


APIS = (api_codes, api_users, api_recordings, api_stream)


class EdgedWeb(QuartTrio):
    """Pages and API, with the parts they ask."""

    def __init__(self, parts: WebParts) -> None:
        super().__init__("edged.web", root_path=str(ROOT), static_folder=None, template_folder="templates")
        self.parts, self.news, self.viewings = parts, CameraNews(parts), Viewings(parts)
        self.tokens, self.webhooks = StreamTokens(parts, parts.clock), Webhooks(parts)
        self.config.update(MAX_CONTENT_LENGTH=MOST_BODY, MAX_FORM_MEMORY_SIZE=MOST_BODY, MAX_FORM_PARTS=32)
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = True


def create_app(
    parts: WebParts, *, desk: Entrance | None = None, watched: Watched = lambda _scope, _camera: None
) -> App:
    """The ASGI application. It needs its lifespan run, as `serve_web` does.

    By `desk` a proxy of this box asks for itself; `watched` hears of whom it serves past us, as that viewer's
    request, with the camera.
    """
    return shield_last_send(create_front(parts, desk=desk, watched=watched))


def create_front(
    parts: WebParts, *, desk: Entrance | None = None, watched: Watched = lambda _scope, _camera: None
) -> Front:
    """The application with its tables of routes: `.routes` and `.quart.url_map`."""
    quart = EdgedWeb(parts)
    for blueprint in (*ROOMS, gates, api, *APIS, api_retention, api_volume):
        quart.register_blueprint(blueprint)
    quart.before_request(_refuse_what_the_front_refused)
    quart.register_error_handler(guard.SignInFirst, _sign_in)
    quart.register_error_handler(Refused, _refuse)
    quart.register_error_handler(AccessError, _refuse_known)
    quart.register_error_handler(StoreError, _refuse_known)
    quart.register_error_handler(HTTPException, _refuse_http)
    quart.register_error_handler(Exception, _fault)
    return Front(
        parts,
        quart,
        news=quart.news,
        viewings=quart.viewings,
        tokens=quart.tokens,
        webhooks=quart.webhooks,
        static=ROOT / "static",
        desk=desk,
        watched=watched,
    )


async def _refuse_what_the_front_refused() -> None:
    refused = cast("Scope", request.scope).get(REFUSED_KEY)
    if isinstance(refused, Refused):
        raise refused


async def _sign_in(error: guard.SignInFirst) -> ResponseReturnValue:
    return redirect(error.location, 303)


async def _refuse(error: Refused) -> ResponseReturnValue:
    response = await _error_response(error.status, error)
    for name, value in error.headers:
        response.headers[name.decode()] = value.decode("latin-1")
    return response


async def _refuse_known(error: AccessError | StoreError) -> ResponseReturnValue:
    """What no route foresaw: an account that went away meanwhile, a disk that does not write."""
    return await _refuse(refused(error))


async def _refuse_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error.get_response()
    response = await _error_response(error.code)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after", "content-range"}:
            response.headers[name] = value
    return response


async def _fault(error: Exception) -> ResponseReturnValue:
    # The rule, not the path: what stands in an address may be an access code.
    logger.error("a request failed: %s %s", request.method, request.url_rule, exc_info=error)
    return await _error_response(500)


async def _error_response(status: int, refusal: Refused | None = None) -> Response:
    """A page for people, JSON for programs."""
    words = ENGLISH.get(f"error.{status}") or ENGLISH["error.400" if status < 500 else "error.500"]
    if (
        request.path.startswith("/api/")
        or request.path == "/health"
        or request.mimetype == "application/json"
    ):
        told = refusal.told() if refusal is not None else {"error": words}
        return Response(msgspec.json.encode(told), status, content_type="application/json")
    how = ENGLISH.get(f"error.{status}_how", "")
    try:
        return Response(await render_template("error.html", status=status, words=words, how=how), status)
    except Exception:
        logger.exception("the error page failed")
        return Response(f"{words} {how}\n", status, content_type="text/plain; charset=utf-8")
