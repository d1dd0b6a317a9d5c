"""edged's commands, run in this process, with what they print parted into stdout and stderr."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from edged.cli import main


@dataclass(frozen=True, slots=True)
class Told:
    """What a command printed, and its exit code; `output` is stdout, then stderr."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def run_edged(words: Sequence[str], *, typed: str | None = None) -> Told:
    """Run `edged WORDS…`; `typed` is its stdin."""
    # click 8.1 mixes the two unless it is told not to, 8.2 always parts them.
    mixes = "mix_stderr" in inspect.signature(CliRunner).parameters
    options: dict[str, Any] = {"mix_stderr": False} if mixes else {}
    done = CliRunner(**options).invoke(main, list(words), input=typed)
    return Told(done.exit_code, done.stdout, done.stderr)
