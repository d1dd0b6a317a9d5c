"""Which H.264 encoder a camera gets, and why: the best that was proved at its size, else libx264.

A camera never waits for a proof. It starts with libx264 at once, so that it is live in no time, and begins
anew with the hardware, once, when that is proved: this costs a second of picture at most once in a boot. To
make it rare, the usual sizes are proved when the daemon starts, one at a time and at a low priority.

An encoder that fails, hangs or lies at work, with whatever camera, must prove itself anew before it is given
to one; meanwhile libx264 does the work, so that the picture is back without a second try. The second fault,
or a trial that it fails now, is the end of it until the next boot.
"""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from edged.cameras.encoder_notes import empty_notes, read_notes, write_notes
from edged.cameras.encoder_prover import ChildProver, Prover
from edged.capture.encoders.candidates import Candidate, candidates
from edged.capture.encoders.facts import hardware_nodes
from edged.capture.encoders.proof import Proof, ProofRequest
from edged.capture.job import SOFTWARE
from edged.errors import CameraError
from edged.health import Finding

logger = logging.getLogger(__name__)

MOST_FAULTS = 2
MOST_WORDS = 500


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """What is to be encoded: pixels, pictures a second."""

    width: int
    height: int
    fps: float

    @property
    def key(self) -> str:
        """As the notes name it."""
        return f"{self.width}x{self.height}@{math.ceil(self.fps)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The encoder for a job, why, and the only size (pixels) that it was proved for, None: any."""

    name: str
    reason: str
    size: tuple[int, int] | None = None


class EncoderChooser(Protocol):
    """What a camera asks."""

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """The encoder for a camera whose settings want this one; `size` is None while it is unknown."""

    def blame(self, name: str, camera: str, reason: str) -> None:
        """This encoder did wrong at work, for this camera ("": in a trial after that)."""


class NamedOnly:
    """Takes the settings by their word and proves nothing: for those who have no use for hardware."""

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """See EncoderChooser."""
        return Choice(wanted, "")

    def blame(self, name: str, camera: str, reason: str) -> None:
        """See EncoderChooser."""


class Encoders:
    """The encoders of this machine. Everything but `run`, `prove` and `changed` answers from memory."""

    def __init__(
        self,
        *,
        runtime: Path,
        usual: Iterable[Size] = (),
        root: Path = Path("/"),
        prover: Prover | None = None,
    ) -> None:
        self._runtime, self._root = runtime, root
        self._prover = prover or ChildProver()
        self._notes = empty_notes(root)
        self._saved = self._notes
        self._candidates: tuple[Candidate, ...] = ()
        self._hardware = False
        self._wanted = dict.fromkeys(usual)
        self._settled: set[str] = set()
        self._asked = trio.Event()
        self._bell = trio.Event()
        self._version = 0

    # --- what cameras ask

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """See EncoderChooser."""
        if wanted != "auto":
            if wanted != SOFTWARE and self._is_left(wanted):
                return Choice(SOFTWARE, f"software: {self.why_left(wanted)}")
            return Choice(wanted, "named in the settings")
        if not self._hardware:
            return Choice(SOFTWARE, "software: this machine has no encoder in hardware")
        if size is None:
            return Choice(SOFTWARE, "software, until the size of the pictures is known")
        return self._best(size)

    def _best(self, size: Size) -> Choice:
        hardware = (proof for proof in self.proofs(size) if proof.encoder != SOFTWARE)
        best = next((proof for proof in hardware if proof.taken), None)
        if best is not None and self._is_left(best.encoder):
            return Choice(SOFTWARE, f"software: {self.why_left(best.encoder)}")
        if best is not None:
            return Choice(best.encoder, best.reason, (size.width, size.height))
        if size.key in self._settled:
            told = "; ".join(f"{proof.encoder}: {proof.reason}" for proof in self.proofs(size))
            return Choice(SOFTWARE, _short(f"software: no encoder in hardware is proved ({told})"))
        if size not in self._wanted:
            # Before the usual sizes: somebody waits for this one.
            self._wanted = {size: None, **self._wanted}
            self._asked.set()
        failed = "; ".join(faults[-1] for faults in self._notes.faults.values())
        anew = f" anew, after {failed}" if failed else ""
        return Choice(SOFTWARE, _short(f"software, until the encoders in hardware are proved{anew}"))

    def blame(self, name: str, camera: str, reason: str) -> None:
        """See EncoderChooser."""
        before = self._notes.faults.get(name, ())
        logger.warning("encoder %s at fault: %s", name, reason, extra={"CAMERA": camera, "ENCODER": name})
        if len(before) >= MOST_FAULTS:
            return
        words = _short(f"{camera}: {reason}" if camera else reason)
        faults = {**self._notes.faults, name: (*before, words)}
        self._notes = msgspec.structs.replace(self._notes, faults=faults)
        if not self._is_left(name):
            self._forget_proofs(name)
        else:
            logger.error("encoder %s is left for libx264 until the next boot", name, extra={"ENCODER": name})
        self._asked.set()
        self._ring()

    def proofs(self, size: Size) -> tuple[Proof, ...]:
        """The proofs at this size so far, best encoder first."""
        return self._notes.proofs.get(size.key, ())

    def why_left(self, name: str) -> str:
        """Why this encoder is left until the next boot, "" when it is not."""
        if not self._is_left(name):
            return ""
        return f"{name} is left until the next boot, after {self._notes.faults[name][-1]}"

    def findings(self) -> tuple[Finding, ...]:
        """The encoders that were left."""
        return tuple(
            Finding(
                id=f"encoder.left:{name}",
                severity="warning",
                subject=f"encoder:{name}",
                cause=f"The encoder {name} failed twice; cameras use libx264 instead. {faults[-1]}",
                remedy="The next boot tries it again. If it fails again, look for an update of the system's"
                ' drivers, or set encoder = "libx264" in [capture].',
            )
            for name, faults in self._notes.faults.items()
            if self._is_left(name)
        )

    async def changed(self, after: int) -> int:
        """Wait until the version, which counts changes of what `choose` says, is greater; the new one."""
        await trio.lowlevel.checkpoint()
        while self._version <= after:
            await self._bell.wait()
        return self._version

    # --- what it does

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Prove what is asked for until cancelled; started() once it is known whether there is hardware."""
        self.load()
        self._hardware = bool(hardware_nodes(self._root))
        task_status.started()
        while True:
            self._asked = asked = trio.Event()
            try:
                await self._prove_wanted()
            except Exception:
                # A fault of ours in proving must not cost a camera: software does all.
                logger.exception("a fault in proving encoders")
            if self._notes.faults != self._saved.faults:
                await self.save()
            if not self._wanted or not self._hardware:
                await asked.wait()

    async def prove(self, size: Size, *, all_of_them: bool = False) -> tuple[Proof, ...]:
        """Prove at this size what is not proved yet: until one is taken, best first, or all of them."""
        if not self._candidates:
            self._candidates = candidates(await self._prover.facts())
        known = {proof.encoder: proof for proof in self.proofs(size)}
        result: list[Proof] = []
        for candidate in self._candidates:
            if candidate.name == SOFTWARE and not all_of_them:
                continue
            proof = known.get(candidate.name)
            # A trial that the daemon has seen tells more than what we may look at.
            tried = proof is not None and proof.seconds > 0
            if candidate.refusal and not tried:
                result.append(Proof(encoder=candidate.name, taken=False, reason=candidate.refusal))
                continue
            if proof is None:
                request = ProofRequest(
                    encoder=candidate.name, width=size.width, height=size.height, fps=size.fps
                )
                proof = await self._prover.prove(request)
                logger.info(
                    "encoder %s is %s: %s",
                    proof.encoder,
                    "taken" if proof.taken else "refused",
                    proof.reason,
                    extra={"ENCODER": proof.encoder},
                )
                if not proof.taken and self._notes.faults.get(proof.encoder) and not all_of_them:
                    self.blame(proof.encoder, "", f"it is not proved again: {proof.reason}")
            result.append(proof)
            if proof.taken and not all_of_them:
                break
        self._keep(size, result)
        return tuple(result)

    def load(self) -> None:
        """Read what is known already: a small file in memory, as the nodes in /dev are."""
        self._notes = self._saved = read_notes(self._runtime, self._notes)

    async def _prove_wanted(self) -> None:
        while self._wanted and self._hardware:
            size = next(iter(self._wanted))
            try:
                await self.prove(size)
            except CameraError as error:
                logger.warning("encoders in hardware are not used: %s", error)
                self._hardware = False
            finally:
                self._settled.add(size.key)
                self._wanted.pop(size, None)
                self._ring()
            await self.save()

    def _forget_proofs(self, name: str) -> None:
        proofs = {
            key: tuple(proof for proof in known if proof.encoder != name)
            for key, known in self._notes.proofs.items()
        }
        self._notes = msgspec.structs.replace(self._notes, proofs=proofs)
        self._settled.clear()

    def _keep(self, size: Size, proofs: list[Proof]) -> None:
        rest = [proof for proof in self.proofs(size) if proof.encoder not in {one.encoder for one in proofs}]
        self._notes = msgspec.structs.replace(
            self._notes, proofs={**self._notes.proofs, size.key: (*proofs, *rest)}
        )

    async def save(self) -> None:
        """Keep what is known; where that cannot be, it is proved again some day."""
        self._saved = notes = self._notes
        try:
            await trio.to_thread.run_sync(write_notes, self._runtime, notes)
        except OSError as error:
            logger.info("what is known of encoders cannot be kept: %s", error)

    def _is_left(self, name: str) -> bool:
        return len(self._notes.faults.get(name, ())) >= MOST_FAULTS

    def _ring(self) -> None:
        self._version += 1
        self._bell.set()
        self._bell = trio.Event()


def usual_sizes(max_width: int, max_height: int, fps: float) -> tuple[Size, ...]:
    """The sizes that most cameras will have under these limits, likeliest first."""
    sizes = ((1920, 1080), (1280, 720), (640, 480))
    return tuple(
        Size(width, height, fps) for width, height in sizes if width <= max_width and height <= max_height
    )


def _short(words: str) -> str:
    return words if len(words) <= MOST_WORDS else words[:MOST_WORDS] + "…"
