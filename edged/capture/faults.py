"""What may end a worker, and the exit code that tells the daemon which it was (see job.py)."""

from edged.capture.job import (
    EXIT_BAD_JOB,
    EXIT_DEVICE_BUSY,
    EXIT_DEVICE_GONE,
    EXIT_ENCODER,
    EXIT_NO_FORMAT,
)
from edged.errors import EdgedError

EXIT_CRASH = 1


class CaptureError(EdgedError):
    """Capture cannot go on; `exit_code` says why to a program, the message to a person."""

    exit_code = EXIT_CRASH


class BadJobError(CaptureError):
    """The job cannot be understood or asks for the impossible."""

    exit_code = EXIT_BAD_JOB


class DeviceGoneError(CaptureError):
    """The camera was pulled, or never was there."""

    exit_code = EXIT_DEVICE_GONE


class DeviceBusyError(CaptureError):
    """Another program holds the camera."""

    exit_code = EXIT_DEVICE_BUSY


class NoFormatError(CaptureError):
    """No mode of the source, or no encoder, can be used."""

    exit_code = EXIT_NO_FORMAT


class EncoderError(CaptureError):
    """The encoder failed, stalls, or does not do what was asked of it."""

    exit_code = EXIT_ENCODER
