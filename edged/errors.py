"""The small tree of our own errors.

Raised where a fault is known; turned into a health state, an HTTP status or an exit code in one place each.
Every message names what was wrong and what to do about it: it is read by the owner, not by us.
"""


class EdgedError(Exception):
    """Any fault that edged itself knows and can name."""


class ConfigError(EdgedError):
    """Settings that cannot be used; `problems` holds every one of them, in the order of the file."""

    def __init__(self, problems: "tuple[str, ...]") -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StartupError(EdgedError):
    """edged cannot start here: port in use, folder not writable, wrong MediaMTX. Exit code 2."""


class StoreError(EdgedError):
    """The database refused a change or cannot be used."""


class CameraError(EdgedError):
    """A camera could not be asked or opened."""


class MediaError(EdgedError):
    """The media engine did not answer, or answered with an error."""


class AccessError(EdgedError):
    """Somebody may not do what was asked, or asked it wrongly."""


def leaves(error: BaseException) -> list[BaseException]:
    """The errors themselves, out of however many nurseries they came through."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for part in error.exceptions for leaf in leaves(part)]
