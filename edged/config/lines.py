"""On which line each key of a TOML document stands: tomli tells values, not places.

Reads documents that tomli has accepted, so it need not find mistakes, only the way. Keys are paths: tuples
of names and, for elements of arrays, numbers. Tables are where their header is, or where they are first
mentioned.
"""

import re
from bisect import bisect_left
from typing import NamedTuple

import tomli

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every key and element of a valid document; empty when it is nested too deeply."""
    reader = _Reader(text)
    try:
        reader.document()
    except (RecursionError, IndexError, ValueError):
        return {}
    return reader.lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest thing around it that has one; 0 without any."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


class LastKey(NamedTuple):
    """The last key or header of a text, and what stands earlier under the same key or around it."""

    path: Path
    line: int
    earlier: Path
    earlier_line: int


def last_key(text: str) -> LastKey | None:
    """The last key of a text that may break off; None without one, or when nothing stands earlier."""
    reader = _Reader(text)
    try:
        reader.document()
    except (RecursionError, IndexError, ValueError):
        pass  # it was read as far as it goes
    path, line, first = reader.last
    if first:
        return LastKey(path, line, path, first)
    for length in range(len(path) - 1, 0, -1):
        if reader.lines.get(path[:length], line) < line:
            return LastKey(path, line, path[:length], reader.lines[path[:length]])
    return None


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Path, int] = {}
        self._breaks = [place for place, character in enumerate(text) if character == "\n"]
        self._arrays: dict[Path, int] = {}
        # The newest key or header, its line, and where the same stood before (0: nowhere).
        self.last: tuple[Path, int, int] = ((), 0, 0)

    def document(self) -> None:
        table: Path = ()
        while self._blank():
            line = self._line()
            if self.text.startswith("[[", self.at):
                self.at += 2
                table = self._element(self._key("]"), line)
                self.at += 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._within(self._key("]"), line)
                self.at += 1
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        line = self._line()
        names = self._key("=")
        path = (*table, *names)
        last = self.last = (path, line, self.lines.get(path, 0))
        for length in range(len(table) + 1, len(path) + 1):
            self._mark(path[:length], line)
        self.at += 1
        self._value(path)
        self.last = last

    def _element(self, names: list[str], line: int) -> Path:
        """A new element of an array of tables."""
        path = (*self._within(names[:-1], line), names[-1])
        self.last = (path, line, self.lines.get(path, 0))
        self._mark(path, line)
        number = self._arrays.get(path, -1) + 1
        self._arrays[path] = number
        self._mark((*path, number), line)
        return (*path, number)

    def _within(self, names: list[str], line: int) -> Path:
        """The table of a header, inside the newest element of each array on the way."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            self.last = (path, line, self.lines.get(path, 0))
            self._mark(path, line)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _value(self, path: Path) -> None:
        self._blank()
        opening = self.text[self.at]
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self.at += 1
            number = 0
            while self._until("]"):
                self._mark((*path, number), self._line())
                self._value((*path, number))
                number += 1
        elif opening == "{":
            self.at += 1
            while self._until("}"):
                self._pair(path)
        else:
            scalar = _SCALAR.match(self.text, self.at)
            self.at = scalar.end() if scalar else self.at + 1

    def _until(self, closing: str) -> bool:
        """Step to the next element, over blanks and a comma; past `closing` and False when there is none."""
        self._blank()
        if self.text[self.at] == ",":
            self.at += 1
            self._blank()
        if self.text[self.at] == closing:
            self.at += 1
            return False
        return True

    def _string(self) -> None:
        quote = self.text[self.at]
        long = self.text.startswith(quote * 3, self.at)
        mark = quote * 3 if long else quote
        self.at += len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if self.text[self.at] == "\\" and quote == '"' else 1
        self.at += len(mark)
        if long:  # up to two quotes may stand right before the end
            for _ in range(2):
                self.at += self.text.startswith(quote, self.at)

    def _key(self, end: str) -> list[str]:
        """The names of a dotted key that ends before `end`; there the reader stops."""
        names: list[str] = []
        while True:
            self._spaces()
            if self.text[self.at] == end:
                return names
            if self.text[self.at] == ".":
                self.at += 1
                continue
            begin = self.at
            if self.text[begin] in "\"'":
                self._string()
                names.append(next(iter(tomli.loads(f"{self.text[begin : self.at]} = 0"))))
            else:
                bare = _BARE.match(self.text, begin)
                if bare is None:
                    raise ValueError(f"no key at {begin}")
                self.at = bare.end()
                names.append(bare.group())

    def _spaces(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _blank(self) -> bool:
        """Skip blanks, line breaks and comments; whether anything is left."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.at < len(self.text)

    def _line(self) -> int:
        return bisect_left(self._breaks, self.at) + 1

    def _mark(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
