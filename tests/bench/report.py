"""What a run of the bench has measured so far: kept as JSON, row by row, and read again."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.bench.figures import Figure, from_plain

# How a run ends: all is well, a row broke, what must be was missed.
DONE, BROKE, MISSED = 0, 1, 3


@dataclass(slots=True)
class Report:
    """The machine, how long each row took, which rows broke, and all figures in the order of the rows."""

    machine: dict[str, object]
    seconds: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it as JSON: whole, or not at all."""
        told = {
            "machine": self.machine,
            "seconds": self.seconds,
            "broken": self.broken,
            "figures": [figure.plain() for figure in self.figures],
        }
        new = path.with_name(f"{path.name}.new")
        new.write_text(json.dumps(told, indent=1) + "\n")
        os.replace(new, path)  # noqa: PTH105

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote. Raises OSError, or ValueError when it is something else."""
        try:
            told = json.loads(path.read_text())
            figures = [from_plain(each) for each in told["figures"]]
            return cls(dict(told["machine"]), dict(told["seconds"]), list(told["broken"]), figures)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no report of the bench ({error!r})") from error

    @property
    def missed(self) -> list[Figure]:
        """What is not as it must be."""
        return [figure for figure in self.figures if figure.verdict == "MISSED"]

    @property
    def untold(self) -> list[Figure]:
        """What must be so or so, and was not measured."""
        return [each for each in self.figures if each.must is not None and each.verdict == "not measured"]

    @property
    def status(self) -> int:
        """How a run with this report ends. What could not be measured for want of a program is no fault."""
        if self.broken:
            return BROKE
        return MISSED if self.missed else DONE

    def lacking(self, rows: Sequence[str]) -> list[str]:
        """Which of these rows it has not, or not whole."""
        return [row for row in rows if row not in self.seconds or row in self.broken]


def check_writable(path: Path) -> None:
    """Make the folder of `path`. Raises OSError when no file can be written there."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.touch()
    new.unlink()
