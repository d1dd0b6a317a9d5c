"""`python -m edged.capture`: reads a job and commands from stdin, and ends with the codes of job.py."""

import logging
import os
import sys
from typing import NoReturn

from edged.capture.commands import Lines, read_job
from edged.capture.faults import EXIT_CRASH, CaptureError
from edged.capture.memory import keep_picture_memory


def main() -> NoReturn:
    """Run the worker and end the process, threads that hang in a driver and all."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    lines = Lines(sys.stdin.fileno())
    try:
        job = read_job(lines)
        keep_picture_memory()
        # Only now: a bad job is answered at once, and memory is set before libav takes any.
        from edged.capture.pipeline import run_worker  # noqa: PLC0415

        code = run_worker(job, lines, sys.stdout.fileno())
    except CaptureError as fault:
        print(f"edged.capture: {fault}", file=sys.stderr)
        code = fault.exit_code
    except Exception:
        logging.getLogger(__name__).exception("the worker broke")
        code = EXIT_CRASH
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
