"""The lines that mistakes are told with are the lines where keys were written."""

from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.config import toml
from edged.config.lines import key_lines, line_of

CHARACTERS = st.characters(
    codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\"'#=[]{}.,\\ \t"
)
NAMES = st.one_of(st.sampled_from(["a", "b", "1", "-", "web", "cameras"]), st.text(CHARACTERS, max_size=6))


class Writer:
    """Writes a document and notes on which line each thing begins."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def mark(self, path: tuple[str | int, ...]) -> None:
        self.lines.setdefault(path, self.line)

    def blank(self, *, breaks: bool) -> None:
        choices = ["", " ", "\t"] + (["\n", "\r\n", ' # [x] = """ {\n', "\n\n"] if breaks else [])
        self.text += self.draw(st.sampled_from(choices))

    def key(self, name: str) -> None:
        if "'" not in name and self.draw(st.booleans()):
            self.text += f"'{name}'"
        else:
            self.text += toml.key((name,))

    def dotted(self, names: tuple[str, ...]) -> None:
        for number, name in enumerate(names):
            if number:
                self.blank(breaks=False)
                self.text += "."
                self.blank(breaks=False)
            self.key(name)

    def pair(self, table: tuple[str | int, ...], names: tuple[str, ...], depth: int) -> None:
        for length in range(len(names)):
            self.mark((*table, *names[: length + 1]))
        self.dotted(names)
        self.blank(breaks=False)
        self.text += "="
        self.blank(breaks=False)
        self.value((*table, *names), depth)

    def value(self, path: tuple[str | int, ...], depth: int) -> None:
        kind = self.draw(
            st.sampled_from(["plain", "text", "long", "literal", "list", "inline"][: 6 if depth else 4])
        )
        if kind == "plain":
            self.text += self.draw(
                st.sampled_from(["1", "-2.5e3", "true", "nan", "1979-05-27 07:32:00Z", "0x_f"[:2] + "f"])
            )
        elif kind == "text":
            self.text += toml.string(self.draw(st.text(CHARACTERS, max_size=8)))
        elif kind == "long":
            body = self.draw(
                st.sampled_from(["", "a\n# b = 1\n[c]\n", '\\"""', 'x""', '\n"', "\\\n  y", "\\\\"])
            )
            self.text += '"""' + body + '"""'
        elif kind == "literal":
            self.text += self.draw(st.sampled_from(["'\\'", "'# no'", "'''\n'a''\n\\'''", "'''x'''''"]))
        elif kind == "list":
            self.text += "["
            for number in range(self.draw(st.integers(0, 3))):
                self.blank(breaks=True)
                self.mark((*path, number))
                self.value((*path, number), depth - 1)
                self.blank(breaks=True)
                self.text += ","
            self.blank(breaks=True)
            self.text += "]"
        else:
            self.text += "{"
            for number, name in enumerate(self.draw(st.lists(NAMES, max_size=3, unique=True))):
                self.text += "," if number else ""
                self.blank(breaks=False)
                self.pair(path, (name,), depth - 1)
            self.blank(breaks=False)
            self.text += "}"

    def pairs(self, table: tuple[str | int, ...]) -> None:
        for name in self.draw(st.lists(NAMES, max_size=3, unique=True)):
            self.blank(breaks=True)
            inner = self.draw(st.lists(NAMES, max_size=2))
            self.pair(table, ("v" + name, *inner), 2)  # "v": never the name of a table below
            self.text += self.draw(st.sampled_from(["\n", "\r\n", " # = [\n"]))

    def document(self) -> None:
        self.pairs(())
        for name in self.draw(st.lists(NAMES, max_size=3, unique=True)):
            names = ("t" + name, *self.draw(st.lists(NAMES.map(lambda text: "t" + text), max_size=1)))
            several = self.draw(st.booleans())
            for number in range(self.draw(st.integers(1, 3)) if several else 1):
                self.blank(breaks=True)
                for length in range(len(names)):
                    self.mark(names[: length + 1])
                table: tuple[str | int, ...] = (*names, number) if several else names
                self.mark(table)
                self.text += "[[" if several else "["
                self.dotted(names)
                self.text += "]]" if several else "]"
                self.text += "\n"
                self.pairs(table)
                if self.draw(st.booleans()):
                    self.mark((*table, "s"))
                    self.text += "["
                    self.dotted((*names, "s"))
                    self.text += "] # sub\n"
                    self.pairs((*table, "s"))


@st.composite
def documents(draw: Any) -> Writer:
    writer = Writer(draw)
    writer.document()
    return writer


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return [path]
    return [path] * bool(path) + [found for name, item in inner for found in paths_of(item, (*path, name))]


@settings(max_examples=300, deadline=None)
@given(documents())
def test_every_key_is_found_on_the_line_where_it_was_written(document: Writer) -> None:
    tomli.loads(document.text)  # the writer writes TOML

    assert key_lines(document.text) == document.lines


@settings(max_examples=150, deadline=None)
@given(documents())
def test_everything_that_tomli_reads_has_a_line(document: Writer) -> None:
    lines = key_lines(document.text)

    for path in paths_of(tomli.loads(document.text)):
        assert line_of(lines, path) == lines[path]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab=.[]{},\"'#\n\\ 1"), max_size=30))
def test_any_text_at_all_ends_without_an_error(text: str) -> None:
    key_lines(text)


def test_what_has_no_line_of_its_own_is_told_with_what_is_around_it() -> None:
    lines = key_lines("\n[web]\nlisten = ['a',\n'b']\n")

    assert line_of(lines, ("web", "listen", 1)) == 4
    assert line_of(lines, ("web", "listen", 7)) == 3
    assert line_of(lines, ("web", "port")) == 2
    assert line_of(lines, ("log", "level")) == 0


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{a=" * 100_000])
def test_deep_nesting_ends_without_an_error(text: str) -> None:
    assert key_lines(text) in ({}, {("a",): 1})
