"""Runs `python -m edged.capture.encoders.prove`: one encoder, one child, killed when it takes too long."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

import msgspec
import trio

from edged.cameras.lines import read_lines
from edged.cameras.process_group import ProcessGroup
from edged.capture.encoders.candidates import Facts
from edged.capture.encoders.pressure import Look, pressure_now
from edged.capture.encoders.proof import Proof, ProofRequest
from edged.errors import CameraError

T = TypeVar("T")

COMMAND = (sys.executable, "-m", "edged.capture.encoders.prove")
# A slow board loads its libraries for long; only then does the time of a proof begin.
LOADING_SECONDS = 60.0
PROOF_SECONDS = 10.0
REAP_SECONDS = 1.0
LONGEST_LINE = 1 << 16
STARVED = "the machine has too much to do"


class TrialTimeoutError(CameraError):
    """A trial did not come to its end in time: its driver hangs, or the machine has too much to do."""


class Prover(Protocol):
    """Finds out what encoders are worth."""

    async def facts(self) -> Facts:
        """What the machine has. Raises CameraError when that cannot be found out."""

    async def prove(self, request: ProofRequest) -> Proof:
        """Try an encoder. Never raises; a trial that ends badly is a refusal."""


class ChildProver:
    """See Prover."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        seconds: float = PROOF_SECONDS,
        pressure: Look = pressure_now,
    ) -> None:
        self._command = command
        self._pressure = pressure
        self._seconds = seconds

    async def facts(self) -> Facts:
        """See Prover."""
        return await self._ask(b"facts\n", Facts)

    async def prove(self, request: ProofRequest) -> Proof:
        """See Prover. Slow on a machine that has too much to do proves nothing: that is called busy."""
        before = self._pressure()
        proof = await self._prove(request)
        if proof.passing != "slow" or not before.starved_until(self._pressure()):
            return proof
        reason = f"{STARVED}: {proof.reason}"
        return msgspec.structs.replace(proof, passing="busy", reason=reason)

    async def _prove(self, request: ProofRequest) -> Proof:
        start = trio.current_time()
        try:
            return await self._ask(msgspec.json.encode(request) + b"\n", Proof)
        except CameraError as error:
            seconds = max(0.01, round(trio.current_time() - start, 2))
            passing: Literal["", "slow"] = "slow" if isinstance(error, TrialTimeoutError) else ""
            return Proof(
                encoder=request.encoder, taken=False, reason=str(error), seconds=seconds, passing=passing
            )

    async def _ask(self, request: bytes, kind: type[T]) -> T:
        try:
            process = await trio.lowlevel.open_process(
                list(self._command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
            )
        except OSError as error:
            raise CameraError(f"its trial cannot be started: {error.strerror or error}") from error
        group, patience = ProcessGroup(process), 0.0
        try:
            answer = await self._converse(process, request, kind)
            patience = REAP_SECONDS if answer is None else 0.0
        finally:
            with trio.CancelScope(shield=True):
                code = await _end(process, group, patience)
        if answer is None:
            how = (
                f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
            )
            raise CameraError(f"its trial {how}")
        return answer

    async def _converse(self, process: trio.Process, request: bytes, kind: type[T]) -> T | None:
        """Its answer; None when it ends without one."""
        assert process.stdin is not None
        assert process.stdout is not None
        answers = read_lines(process.stdout, LONGEST_LINE)
        with trio.move_on_after(LOADING_SECONDS) as patience:
            try:
                await process.stdin.send_all(request)
            except trio.BrokenResourceError:
                pass  # it has ended, which its answers tell too
            async for line in answers:
                if line == b"ready":
                    patience.deadline = trio.current_time() + self._seconds
                    continue
                try:
                    return msgspec.json.decode(line, type=kind)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise CameraError(f"its trial said nonsense: {error}") from error
        if patience.cancelled_caught:
            raise TrialTimeoutError(f"it hangs: no end of its trial after {self._seconds:g} s")
        return None


async def _end(process: trio.Process, group: ProcessGroup, patience: float) -> int | None:
    """Its exit code; after so many seconds it is killed, with all that it has started.

    None: it hangs in a driver and may stay, unreaped, for a while.
    """
    code = None
    with trio.move_on_after(patience):
        code = await group.wait()
    if code is None:
        group.kill()
        with trio.move_on_after(REAP_SECONDS):
            code = await group.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            await trio.aclose_forcefully(stream)
    return code
