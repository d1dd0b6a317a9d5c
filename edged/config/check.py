"""From the plain values of a document to a Config: every mistake found, each with its place.

msgspec stops at the first mistake, so the scheme is walked here; what is wrong is told and left out, the
rest is made into values by msgspec. Rules across several settings look at those values last.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from edged.config import rules, toml
from edged.config.lines import Path
from edged.config.types import CameraSettings, Config

# Looking for what was meant takes time; whoever has more mistakes than this has meant another file.
MOST_HINTS = 100


class Problem(NamedTuple):
    """One mistake: its place, and words that say what is wrong and what is allowed."""

    path: Path
    words: str


# Kinds that hold settings of their own.
_HOLDERS = (inspect.StructType, inspect.DictType)


class _Wrong:
    """Stands for a value that was told to be wrong."""


_WRONG = _Wrong()
_WHOLE = inspect.type_info(Config)


def check(document: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    """The settings, without what is wrong, and every mistake. Never raises."""
    problems: list[Problem] = []
    sound = _Walk(problems).value(_WHOLE, document, ())
    try:
        config = msgspec.convert(sound, Config)
    except msgspec.ValidationError as error:
        return Config(), [*problems, Problem((), str(error))]
    told = {problem.path for problem in problems}
    problems += [problem for problem, involved in _across(config) if told.isdisjoint(involved)]
    return config, problems


class _Walk:
    """Goes through scheme and document side by side."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def value(self, scheme: inspect.Type, raw: Any, path: Path) -> Any:
        """`raw` without what is wrong in it, or _WRONG."""
        match scheme:
            case inspect.Metadata(type=inner, extra=extra):
                sound = self.value(inner, raw, path)
                words = extra["rule"](sound) if extra and "rule" in extra and sound is not _WRONG else ""
                return self._wrong(path, raw, words) if words else sound
            case inspect.UnionType(types=kinds):  # a setting that may be left out; TOML has no null
                (kind,) = (kind for kind in kinds if not isinstance(kind, inspect.NoneType))
                return self.value(kind, raw, path)
            case inspect.StructType():
                return self._table(scheme, raw, path)
            case inspect.DictType(value_type=kind):
                return self._tables(kind, raw, path)
            case inspect.VarTupleType():
                return self._array(scheme, raw, path)
            case _:
                words = unfit(scheme, raw)
                return self._wrong(path, raw, words) if words else raw

    def _table(self, scheme: inspect.StructType, raw: Any, path: Path) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, raw, f"must be a table, [{toml.short_key(path)}]")
        fields = {field.name: field.type for field in scheme.fields}
        sound = {}
        for name, item in raw.items():
            if name in fields:
                sound[name] = self.value(fields[name], item, (*path, name))
            else:
                self._unknown(fields, name, item, path)
        if scheme.cls is CameraSettings:
            self._both("width", "height", raw, sound, path)
        return {name: item for name, item in sound.items() if item is not _WRONG}

    def _unknown(self, fields: Mapping[str, inspect.Type], name: str, raw: Any, path: Path) -> None:
        """Tell a wrong name; what stands under it is looked at as under the name that was meant."""
        known, hint, meant = tuple(fields), "", ""
        if len(self._problems) < MOST_HINTS:
            hint, meant = _meant(name, known, path), rules.closest(name, known)
        self._wrong((*path, name), raw, f"there is no such setting{hint}")
        if meant and isinstance(raw, Mapping) and isinstance(fields[meant], _HOLDERS):
            self.value(fields[meant], raw, (*path, name))

    def _both(self, one: str, other: str, raw: Any, sound: Mapping[str, Any], path: Path) -> None:
        """Two settings that are set both or none; one that is wrong was told already."""
        for here, missing in ((one, other), (other, one)):
            if missing not in raw and sound.get(here, _WRONG) is not _WRONG:
                self._wrong((*path, here), sound[here], f"{missing} is missing; set both or none")

    def _tables(self, scheme: inspect.Type, raw: Any, path: Path) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, raw, f"must be tables, as in [{toml.short_key(path)}.front]")
        sound = {}
        for name, item in raw.items():
            words = rules.slug(name)
            if words:
                self._problems.append(Problem((*path, name), f"{toml.short_key((*path, name))}: {words}"))
            value = self.value(scheme, item, (*path, name))
            if not words:
                sound[name] = value
        return {name: item for name, item in sound.items() if item is not _WRONG}

    def _array(self, scheme: inspect.VarTupleType, raw: Any, path: Path) -> Any:
        least, most = scheme.min_length or 0, scheme.max_length or 1_000_000
        if not isinstance(raw, list) or not least <= len(raw) <= most:
            return self._wrong(path, raw, f'must be a list of {least} to {most} values, as in ["…", "…"]')
        sound = [self.value(scheme.item_type, item, (*path, number)) for number, item in enumerate(raw)]
        return [item for item in sound if item is not _WRONG] or _WRONG

    def _wrong(self, path: Path, raw: Any, words: str) -> _Wrong:
        self._problems.append(Problem(path, f"{toml.short_key(path)} = {toml.shown(raw)}: {words}"))
        return _WRONG


def unfit(scheme: inspect.Type, raw: Any) -> str:  # noqa: PLR0911  # one answer a kind
    """What is allowed, when `raw` is not; else ""."""
    match scheme:
        case inspect.BoolType():
            return "" if isinstance(raw, bool) else "must be true or false"
        case inspect.IntType():
            fits = isinstance(raw, int) and not isinstance(raw, bool) and _in_range(scheme, raw)
            return "" if fits and not raw % (scheme.multiple_of or 1) else f"must be {_number(scheme)}"
        case inspect.FloatType():
            fits = isinstance(raw, int | float) and not isinstance(raw, bool)
            return "" if fits and _in_range(scheme, raw) else f"must be a number{_range(scheme)}"
        case inspect.LiteralType(values=words):
            if raw in words and isinstance(raw, str):
                return ""
            known = tuple(str(word) for word in words)
            wanted = "must be one of " + ", ".join(toml.string(word) for word in known)
            return wanted + (rules.did_you_mean(raw, known) if isinstance(raw, str) else "")
        case inspect.StrType():
            if not isinstance(raw, str):
                return 'must be text in quotes, as in "text"'
            return (
                ""
                if len(raw) <= (scheme.max_length or len(raw))
                else f"must have at most {scheme.max_length} characters"
            )
        case _:
            return "cannot be set here"


def _in_range(scheme: inspect.IntType | inspect.FloatType, raw: float) -> bool:
    least = -math.inf if scheme.ge is None else scheme.ge
    most = math.inf if scheme.le is None else scheme.le
    return least <= raw <= most  # never true of nan


def _number(scheme: inspect.IntType) -> str:
    kind = "an even number" if scheme.multiple_of == 2 else "a whole number"
    return kind + _range(scheme)


def _range(scheme: inspect.IntType | inspect.FloatType) -> str:
    return (
        f" from {_plain(scheme.ge)} to {_plain(scheme.le)}"
        if scheme.ge is not None and scheme.le is not None
        else ""
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _meant(name: str, known: tuple[str, ...], path: Path) -> str:
    """The setting that was meant: one of this table, or one of that very name in another."""
    hint = rules.did_you_mean(name, known)
    if hint:
        return hint
    elsewhere = [
        (table, name) for table in ("", *_TABLES) if name in _TABLES.get(table, ()) and (table,) != path
    ]
    if elsewhere:
        return f' (did you mean "{toml.key(elsewhere[0])}"?)'
    return f"; there are {', '.join(known)}" if known else ""


def _tables_of(whole: inspect.Type) -> dict[str, tuple[str, ...]]:
    assert isinstance(whole, inspect.StructType)
    return {
        field.name: tuple(inner.name for inner in field.type.fields)
        for field in whole.fields
        if isinstance(field.type, inspect.StructType)
    }


_TABLES = _tables_of(_WHOLE)


def _across(config: Config) -> Iterator[tuple[Problem, tuple[Path, ...]]]:
    """Mistakes of several settings together, each with all the places that it speaks of."""
    for number, address in enumerate(config.web.listen):
        for earlier in config.web.listen[:number]:
            if rules.same_socket(earlier, address):
                path: Path = ("web", "listen", number)
                words = (
                    f"{toml.key(path)} = {toml.shown(address)}: {toml.shown(earlier)} serves there already"
                )
                yield Problem(path, words), (path, *(("web", "listen", n) for n in range(number)))
                break
    yield from _across_metrics(config)


def _across_metrics(config: Config) -> Iterator[tuple[Problem, tuple[Path, ...]]]:
    taken: list[tuple[Path, str]] = [(("web", "listen", n), a) for n, a in enumerate(config.web.listen)]
    token: Path = ("metrics", "token_file")
    for number, address in enumerate(config.metrics.listen):
        path: Path = ("metrics", "listen", number)
        told = f"{toml.key(path)} = {toml.shown(address)}"
        clashing = [(place, other) for place, other in taken if rules.same_socket(other, address)]
        if clashing:
            words = f"{told}: {toml.key(clashing[0][0])} serves there already"
            yield Problem(path, words), (path, *(place for place, _ in taken))
        elif not config.metrics.token_file and not rules.is_loopback(address):
            words = (
                f"{told}: others could read the figures; name a file with a token in metrics.token_file,"
                ' or listen on "127.0.0.1:9478" only'
            )
            yield Problem(path, words), (path, token)
        taken.append((path, address))
