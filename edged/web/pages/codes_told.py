"""How a new access code is handed over: its link, the picture of it, the snippet for a web page. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup, escape

from edged.access.subject import Item, MediaType
from edged.web.words import say

# What a guest is led to first.
_FIRST: tuple[MediaType, ...] = ("video", "image", "recordings")


@dataclass(frozen=True, slots=True)
class Handover:
    """Everything that the page tells once."""

    words: str
    link: str
    address: str
    embed: str
    qr: Markup


def hand_over(words: str, items: Sequence[Item], *, base: str, name: str) -> Handover:
    """For a code that opens `items`; `base` is our own address, `name` that of the first camera."""
    link = base.rstrip("/") + watch_path(first_camera(items), words)
    return Handover(
        words=words, link=link, address=f"{base.rstrip('/')}/code", embed=embed(link, name), qr=qr(link)
    )


def first_camera(items: Sequence[Item]) -> str:
    """The slug of the camera that a guest is shown first: one with a moving picture, if there is one."""
    ranked = sorted(items, key=lambda item: (_FIRST.index(item.media_type), item.media_slug))
    return ranked[0].media_slug if ranked else ""


def watch_path(slug: str, words: str) -> str:
    """The path and query of a guest's page."""
    return f"/watch/{quote(slug, safe='')}?access_code={quote(words, safe='')}"


def embed(link: str, name: str) -> str:
    """The snippet that shows the picture within another page."""
    return (
        f'<iframe src="{escape(link)}" title="{escape(name)}" width="640" height="360" '
        'allow="autoplay; fullscreen" referrerpolicy="no-referrer" style="border:0"></iframe>'
    )


def qr(link: str) -> Markup:
    """The link to scan, as SVG within the page: black on white in dark rooms too."""
    import segno  # noqa: PLC0415  # a box whose owner makes no codes carries one library less

    code = segno.make(link, error="m", micro=False, boost_error=False)
    drawn = code.svg_inline(border=4, light="#fff", dark="#000", omitsize=True, svgclass="qr", lineclass="")
    described = f'<svg role="img" aria-label="{escape(say("told.qr"))}"'
    return Markup(drawn.replace("<svg", described, 1))  # noqa: S704  # drawn here from modules, no text in it
