"""The way in through nginx: the folder of its sockets, and who may open them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edged.doctor.line import Line, ok, warn
from edged.doctor.running import State
from edged.errors import StartupError
from edged.web.proxy.askers import askers, why_nobody
from edged.web.proxy.sockets import check_proxy_folder

WITHOUT = "Without a proxy leave web.proxy_folder empty."


def proxy_lines(
    folder: str,
    *,
    state: State,
    who_may: Callable[[Path], Sequence[str]] = askers,
    why_not: Callable[[Path], str] = why_nobody,
) -> Iterator[Line]:
    """Whether a proxy can ask edged, and as whom; nothing where none is wanted."""
    if not folder:
        return
    place = Path(folder)
    try:
        check_proxy_folder(place)
        if state == "down":
            yield ok("proxy", f"nginx: {place} is there; edged opens its sockets when it runs.")
            return
        names = who_may(place)
        if names:
            yield ok("proxy", f"nginx may ask edged in {place} when it runs as {' or '.join(names)}.")
        elif state == "answers":
            # A daemon that tells of no trouble was asked there: by itself as another program, or by root.
            yield ok("proxy", f"nginx asks edged in {place}.")
        else:
            yield warn("proxy", f"nginx cannot open the sockets in {place}. {why_not(place)}", WITHOUT)
    except StartupError as error:
        yield warn("proxy", f"nginx cannot ask edged. {error}", WITHOUT)
    except PermissionError:
        yield warn("proxy", f"nginx: who asks may not look into {place}.", "Ask as root.")
    except OSError as error:
        what = f"nginx cannot ask edged: the sockets in {place} cannot be looked at ({error.strerror})."
        yield warn("proxy", what, "edged opens them anew within 3 s, or its log tells why not.")
