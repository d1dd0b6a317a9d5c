import gzip

from quart import Response, request
from quart_trio import QuartTrio

from edged.web.pages.compress import compressed

LONG = "<p>a clip</p>" * 500


def site() -> QuartTrio:
    app = QuartTrio(__name__)

    @app.get("/<kind>")
    async def page(kind: str) -> Response:
        return Response(
            LONG if kind != "short" else "<p>", content_type="text/plain" if kind == "text" else "text/html"
        )

    @app.after_request
    async def compress(response: Response) -> Response:
        return await compressed(request, response)

    return app


async def test_a_long_page_goes_out_compressed_to_who_takes_it() -> None:
    response = await site().test_client().get("/long", headers={"Accept-Encoding": "gzip, br"})
    assert response.headers["Content-Encoding"] == "gzip"
    body = await response.get_data(as_text=False)
    assert gzip.decompress(body).decode() == LONG
    assert response.headers["Content-Length"] == str(len(body))
    assert "Accept-Encoding" in response.headers["Vary"]


async def test_who_does_not_take_it_gets_the_page_as_it_is() -> None:
    for refusal in ({}, {"Accept-Encoding": "gzip;q=0"}, {"Accept-Encoding": "br"}):
        response = await site().test_client().get("/long", headers=refusal)
        assert "Content-Encoding" not in response.headers
        assert await response.get_data(as_text=True) == LONG


async def test_short_pages_and_other_kinds_stay_as_they_are() -> None:
    for kind in ("short", "text"):
        response = await site().test_client().get(f"/{kind}", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in response.headers
