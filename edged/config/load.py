"""Finding, reading and understanding the settings file. Whatever is wrong comes out as one ConfigError."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomli

from edged.config import clash, doubts, places
from edged.config.check import Problem, check
from edged.config.lines import key_lines, line_of
from edged.config.types import Config
from edged.errors import ConfigError

DEFAULT_PATH = Path("/etc/edged/edged.toml")
MOST_BYTES = 1 << 20

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load_config(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """The settings of `path`, else of $EDGED_CONFIG, else of /etc/edged/edged.toml if there is one, else the
    defaults.

    Raises ConfigError with every problem, each in one line: file, line, key, value, what is allowed. A
    program that was named must be there.
    """
    return examine(path, environ=environ)[0]


def examine(
    path: Path | None = None, *, environ: Mapping[str, str] | None = None
) -> tuple[Config, tuple[str, ...]]:
    """The settings as `load_config` finds them, and what may not work on this machine as it is now.

    Each doubt is one line: file, line, key, value, remedy. Raises ConfigError as `load_config`.
    """
    environ = os.environ if environ is None else environ
    name, text = _found(path, environ)
    config, problems = _checked(text, name, environ)
    told = {problem.path for problem in problems}
    problems += [problem for problem in doubts.missing(config) if problem.path not in told]
    if problems:
        raise ConfigError(_told(problems, name, text))
    return config, _told(doubts.doubts(config, environ), name, text)


def _found(path: Path | None, environ: Mapping[str, str]) -> tuple[str, str]:
    """The name of the settings file, and its text. Raises ConfigError."""
    if path is None and environ.get("EDGED_CONFIG"):
        path = Path(environ["EDGED_CONFIG"])
    if path is None:
        if not os.path.lexists(DEFAULT_PATH):
            return "built-in defaults", ""
        path = DEFAULT_PATH
    return str(path), _read(path)


def parse_config(text: str, *, name: str = "edged.toml", environ: Mapping[str, str] | None = None) -> Config:
    """The settings of a document, wherever they are to run.

    `name` stands before each problem. Raises ConfigError with all of them.
    """
    config, problems = _checked(text, name, os.environ if environ is None else environ)
    if problems:
        raise ConfigError(_told(problems, name, text))
    return config


def _checked(text: str, name: str, environ: Mapping[str, str]) -> tuple[Config, list[Problem]]:
    """The settings without what is wrong, and every mistake. Raises ConfigError for what is not TOML."""
    config, problems = check(_document(text, name))
    config = msgspec.structs.replace(config, paths=places.resolve(config.paths, environ))
    told = {problem.path for problem in problems}
    problems += [problem for problem in places.overlaps(config.paths) if problem.path not in told]
    return config, problems


def _document(text: str, name: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        words, place = str(error), ""
        found = _PLACE.search(words)
        clashing = clash.clash(text, words, int(found[1] or 0), int(found[2] or 0)) if found else None
        if clashing:
            raise ConfigError((f"{name}:{clashing.line}: {clashing.words}",)) from None
        if found:
            words = words[: found.start()]
            line = found[1] or str(text.count("\n") + 1)
            place = f"{line}: " + (f"column {found[2]}: " if found[2] else "at the end of the file: ")
        problem = f"{name}:{place or ' '}not TOML: {words}"
    except RecursionError:
        problem = f"{name}: not TOML that we can read: nested too deeply"
    except ValueError as error:  # a number of more digits than Python takes, for instance
        problem = f"{name}: not TOML that we can read: {error}"
    raise ConfigError((problem,))


def _told(problems: Iterable[Problem], name: str, text: str) -> tuple[str, ...]:
    lines = key_lines(text)
    placed = [(line_of(lines, problem.path), problem.words) for problem in problems]
    placed.sort(key=lambda entry: entry[0])
    return tuple(f"{name}:{line}: {words}" if line else f"{name}: {words}" for line, words in placed)


def _read(path: Path) -> str:
    """The text of the file, at most 1 MiB. Raises ConfigError."""
    remedy = "Let the user that runs edged read it, or name another file."
    try:
        # Not blocking: a pipe that nobody writes to must not hold up the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
                raise ConfigError((f"{path}: cannot be read (not a file). {remedy}",))
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError((f"{path}: there is no such file. Make it, or name another file.",)) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            (f"{path}: cannot be read ({getattr(error, 'strerror', error)}). {remedy}",)
        ) from error
    if len(content) > MOST_BYTES:
        raise ConfigError((f"{path}: is larger than 1 MiB; that cannot be settings.",))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        words = f"not UTF-8 (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        raise ConfigError((f"{path}:{line}: {words}",)) from error
