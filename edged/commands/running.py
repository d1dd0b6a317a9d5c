"""What all commands have in common: where the settings are, and how a command ends.

Exit codes: 0 done, 1 failed, 2 wrong use or a machine or settings that cannot run it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from edged.errors import ConfigError, EdgedError, StartupError, leaves

INTERRUPTED = 130

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=None,
    help="Settings file (default: $EDGED_CONFIG, /etc/edged/edged.toml, else built-in defaults).",
)


def run_to_end(action: Callable[[], None]) -> None:
    """Do `action`; what is known to go wrong becomes clear lines and an exit code, the rest a traceback."""
    try:
        action()
    except BaseException as error:
        code = exit_code(errors := leaves(error))
        if code is None:
            raise
        # Whoever read along has left (`edged … | head`): that needs no words.
        left = all(isinstance(leaf, BrokenPipeError) for leaf in errors)
        if any(isinstance(leaf, OSError) for leaf in errors):
            # Perhaps nobody can take what we say: what is left of it must not fail again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code != INTERRUPTED and not left:
            click.echo(told(errors), err=True)
    else:
        return
    # Out here, or the interpreter would show the errors as those "during which" it was asked to leave.
    sys.exit(code)


def exit_code(errors: Sequence[BaseException]) -> int | None:
    """The exit code for these errors; None when one of them is a fault of ours."""
    if any(isinstance(error, ConfigError | StartupError) for error in errors):
        return 2
    if all(isinstance(error, EdgedError | OSError) for error in errors):
        return 1
    if all(isinstance(error, KeyboardInterrupt) for error in errors):
        return INTERRUPTED
    return None


def told(errors: Sequence[BaseException]) -> str:
    """Every line of every error once, as a program says it."""
    lines = (line for error in errors for line in str(error).splitlines())
    return "\n".join(dict.fromkeys(f"edged: {line}" for line in lines))
