"""What lies in the tree and is not footage: named with its path and why, and left where it is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from edged.health import Finding
from edged.recordings.shelf import Shelf
from edged.recordings.tree import name_of

# Of each folder so many are named, and so many of each kind in the whole tree; others are only counted.
MOST_IN_FOLDER = 20
MOST_NAMED = 100
MOST_FOLDERS = 500


class Stranger(NamedTuple):
    """`path` below the root, fit to be shown (odd characters escaped). `ours`: it bears a segment's name."""

    path: str
    reason: str
    ours: bool = False


@dataclass(slots=True)
class Strangers:
    """Those of one folder; of all `count`, so many bear a segment's name (`damaged`)."""

    named: list[Stranger] = field(default_factory=list)
    count: int = 0
    damaged: int = 0

    def add(self, reason: str, *names: str, ours: bool = False) -> None:
        """Name one more, or count it."""
        self.count += 1
        self.damaged += ours
        if len(self.named) < MOST_IN_FOLDER:
            self.named.append(Stranger(path_for_people(*names), reason, ours))


class All(NamedTuple):
    """Those of the whole tree, as far as they are named, and how many there are of each kind."""

    named: tuple[Stranger, ...]
    foreign: int
    damaged: int


def path_for_people(*names: str) -> str:
    """A path on one line: whatever cannot be printed is escaped, and no name is endless."""
    path = "/".join(names).encode("utf-8", "backslashreplace").decode()
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in path[:300]
    )
    return shown[:300] + ("…" if len(path) > 300 or len(shown) > 300 else "")


def gather(folders: Iterable[Strangers], useless: Iterable[tuple[str, Shelf]]) -> All:
    """All strangers, and all set-aside files of these days, each with its path."""
    named: list[Stranger] = []
    foreign = damaged = 0
    for folder in folders:
        foreign += folder.count - folder.damaged
        damaged += folder.damaged
        named += folder.named[: MOST_NAMED - len(named)]
    most = len(named) + MOST_NAMED
    for path, shelf in useless:
        damaged += len(shelf.aside) + shelf.aside_more
        for moment, why in islice(shelf.aside.items(), most - len(named)):
            named.append(Stranger(path_for_people(path, name_of(moment)), why.reason, ours=True))
    return All(tuple(sorted(named)), foreign, damaged)


def findings(all_: All, unreadable: dict[tuple[str, ...], str]) -> Iterable[Finding]:
    """What a person should know of it. `unreadable`: folders and the error's words."""
    damaged = [stranger for stranger in all_.named if stranger.ours]
    foreign = [stranger for stranger in all_.named if not stranger.ours]
    if damaged:
        yield Finding(
            id="recordings.damaged",
            severity="info",
            subject="recordings",
            cause=f"{_files(all_.damaged)} in the recordings folder {_hold(all_.damaged)} no footage that can"
            f" be played, such as {damaged[0].path} ({damaged[0].reason}).",
            remedy="A power cut or a killed process leaves such files behind. They are left alone; delete"
            " them if you like.",
        )
    if foreign:
        others = all_.foreign
        yield Finding(
            id="recordings.strangers",
            severity="info",
            subject="recordings",
            cause=f"{others} {'thing' if others == 1 else 'things'} in the recordings folder"
            f" {'is' if others == 1 else 'are'} not ours, such as {foreign[0].path} ({foreign[0].reason}).",
            remedy="They are left alone, and what they take up is missing for footage: move them elsewhere.",
        )
    if unreadable:
        names, words = next(iter(unreadable.items()))
        yield Finding(
            id="recordings.unreadable",
            severity="warning",
            subject="recordings",
            cause=f"{len(unreadable)} folder(s) of recordings cannot be read, such as"
            f" {path_for_people(*names) or 'the whole'} ({words}).",
            remedy="Check the disk's cable and power, look at `dmesg`, and that the folders belong to edged.",
        )


def _files(count: int) -> str:
    return "One file" if count == 1 else f"{count} files"


def _hold(count: int) -> str:
    return "holds" if count == 1 else "hold"
