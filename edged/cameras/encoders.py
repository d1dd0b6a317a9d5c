"""Which H.264 encoder a camera gets, and why: the best that was proved at its size, else libx264.

A camera never waits for a proof. It starts with libx264 at once, so that it is live in no time, and begins
anew with the hardware, once, when that is proved: this costs a second of picture at most once in a boot. To
make it rare, the usual sizes are proved when the daemon starts, one at a time and at a low priority.

An encoder that fails, hangs or lies at work, with whatever camera, must prove itself anew before it is given
to one; meanwhile libx264 does the work, so that the picture is back without a second try. The second fault,
or a trial that it fails now, is the end of it until the next boot. One fault is forgiven after a day without
another, if a trial was passed since.

What does not hold until then is not kept: refusals without a trial, and those for passing trouble.
"""

import logging
import platform
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import trio

from edged.cameras.encoder_choice import Choice, Size
from edged.cameras.encoder_notes import (
    MOST_FAULTS,
    NoteBook,
    faults_of,
    ranked,
    seconds_since_boot,
    with_fault,
    with_proofs,
)
from edged.cameras.encoder_prover import ChildProver, Prover
from edged.capture.encoders.candidates import Candidate, candidates, impossible
from edged.capture.encoders.facts import hardware_nodes
from edged.capture.encoders.proof import Proof, ProofRequest
from edged.capture.job import SOFTWARE
from edged.changes import Changes
from edged.errors import CameraError
from edged.health import Finding

logger = logging.getLogger(__name__)

MOST_WORDS = 500
# Seconds after which what was refused for a passing trouble (a busy device, a machine with too much to do) is
# tried again, longer each time; and after which it is looked for devices that have come or gone.
RETRIES = (60.0, 300.0, 1800.0)
LOOK_SECONDS = 30.0


class Encoders:
    """The encoders of this machine. Everything but `run`, `prove` and `changed` answers from memory."""

    def __init__(
        self,
        *,
        runtime: Path,
        usual: Iterable[Size] = (),
        root: Path = Path("/"),
        prover: Prover | None = None,
        clock: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._clock = clock
        self._root = root
        self._prover = prover or ChildProver()
        self._book = NoteBook(runtime, root)
        # By size, for as long as this process and its devices are there: refusals that do not hold.
        self._refused: dict[str, dict[str, Proof]] = {}
        self._candidates: tuple[Candidate, ...] = ()
        self._nodes: tuple[str, ...] | None = None
        self._impossible: dict[str, str] = {}
        self._retries: dict[Size, tuple[int, float]] = {}
        self._wanted = dict.fromkeys(usual)
        self._settled: set[str] = set()
        self._asked = trio.Event()
        self._changes = Changes()

    # --- what cameras ask

    def choose(self, wanted: str, size: Size | None) -> Choice:
        """See EncoderChooser."""
        if wanted != "auto":
            if wanted != SOFTWARE and self._is_left(wanted):
                return Choice(SOFTWARE, f"software: {self.why_left(wanted)}")
            return Choice(wanted, "named in the settings")
        if not self._nodes:
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
        known = (self._faults(name) for name in self._book.notes.faults)
        failed = "; ".join(faults[-1] for faults in known if faults)
        anew = f" anew, after {failed}" if failed else ""
        return Choice(SOFTWARE, _short(f"software, until the encoders in hardware are proved{anew}"))

    def blame(self, name: str, camera: str, reason: str) -> None:
        """See EncoderChooser."""
        before = self._faults(name)
        logger.warning("encoder %s at fault: %s", name, reason, extra={"CAMERA": camera, "ENCODER": name})
        if len(before) >= MOST_FAULTS:
            return
        words = _short(f"{camera}: {reason}" if camera else reason)
        self._book.change(partial(with_fault, name=name, words=words, moment=self._clock()))
        if not self._is_left(name):
            self._settled.clear()
        else:
            logger.error("encoder %s is left for libx264 until the next boot", name, extra={"ENCODER": name})
        self._asked.set()
        self._changes.tell()

    def proofs(self, size: Size) -> tuple[Proof, ...]:
        """What is known of the encoders at this size so far, best first."""
        known = {proof.encoder: proof for proof in self._kept(size)}
        known |= self._refused.get(size.key, {})
        gone = {name: _refusal(name, self._impossible[name]) for name in known if name in self._impossible}
        return ranked({**known, **gone}.values())

    def why_left(self, name: str) -> str:
        """Why this encoder is left until the next boot, "" when it is not."""
        if not self._is_left(name):
            return ""
        return f"{name} is left until the next boot, after {self._book.notes.faults[name][-1]}"

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
            for name, faults in self._book.notes.faults.items()
            if self._is_left(name)
        )

    async def changed(self, after: int) -> int:
        """Wait until the version, which counts changes of what `choose` says, is greater; the new one."""
        return await self._changes.after(after)

    # --- what it does

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Prove what is asked for until cancelled; started() once it is known whether there is hardware."""
        self.load()
        self._look()
        task_status.started()
        while True:
            self._asked = asked = trio.Event()
            self._look()
            self._want_again()
            try:
                await self._prove_wanted()
            except Exception:
                # A fault of ours in proving must not cost a camera: software does all.
                logger.exception("a fault in proving encoders")
            await self.save()
            if not self._wanted or not self._nodes:
                next_retry = min((at for _count, at in self._retries.values()), default=float("inf"))
                with trio.move_on_at(min(trio.current_time() + LOOK_SECONDS, next_retry)):
                    await asked.wait()

    async def prove(self, size: Size, *, all_of_them: bool = False, again: bool = False) -> tuple[Proof, ...]:
        """Prove at this size what is not proved yet: until one is taken, best first, or all of them.

        `again`: prove also what is known. Raises CameraError when it cannot be found out what there is.
        """
        self._look()
        if not self._candidates:
            self._candidates = candidates(await self._prover.facts())
        known = {} if again else {proof.encoder: proof for proof in self._kept(size)}
        result: list[Proof] = []
        for candidate in self._candidates:
            if candidate.name == SOFTWARE and not all_of_them:
                continue
            proof = known.get(candidate.name)
            # What another may open it has tried; what is gone is gone.
            if candidate.refusal and not (candidate.closed and proof is not None):
                result.append(_refusal(candidate.name, candidate.refusal))
                continue
            if proof is None and all_of_them and not again and (left := self.why_left(candidate.name)):
                proof = _refusal(candidate.name, left)
            if proof is None:
                proof = await self._try(candidate.name, size, may_blame=not all_of_them)
            result.append(proof)
            if proof.taken and not all_of_them:
                break
        self._keep(size, result)
        return tuple(result)

    async def _try(self, name: str, size: Size, *, may_blame: bool) -> Proof:
        request = ProofRequest(encoder=name, width=size.width, height=size.height, fps=size.fps)
        proof = await self._prover.prove(request)
        verdict = "taken" if proof.taken else "refused"
        logger.info("encoder %s is %s: %s", name, verdict, proof.reason, extra={"ENCODER": name})
        failed = not proof.taken and proof.passing != "busy"
        if failed and self._faults(name) and may_blame:
            self.blame(name, "", f"it is not proved again: {proof.reason}")
        return proof

    def load(self) -> None:
        """Read what is known already."""
        self._book.load()

    async def save(self) -> None:
        """Keep what is known, beside what others have found out."""
        await self._book.save()

    def _look(self) -> None:
        """See which devices there are: what was found out about others is worth nothing."""
        nodes = hardware_nodes(self._root)
        if nodes == self._nodes:
            return
        first, self._nodes = self._nodes is None, nodes
        self._impossible = impossible(platform.machine(), nodes)
        self._candidates = ()
        self._refused.clear()
        self._settled.clear()
        if not first:
            self._changes.tell()

    async def _prove_wanted(self) -> None:
        while self._wanted and self._nodes:
            size = next(iter(self._wanted))
            try:
                proofs = await self.prove(size)
                self._plan_retry(size, wanted=any(one.passing for one in proofs) and not proofs[-1].taken)
            except CameraError as error:
                logger.warning("encoders in hardware are not used for now: %s", error)
                self._plan_retry(size, wanted=True)
            finally:
                self._settled.add(size.key)
                self._wanted.pop(size, None)
                self._changes.tell()
            await self.save()

    def _plan_retry(self, size: Size, *, wanted: bool) -> None:
        if not wanted:
            self._retries.pop(size, None)
            return
        count, _at = self._retries.get(size, (0, 0.0))
        pause = RETRIES[min(count, len(RETRIES) - 1)]
        self._retries[size] = (count + 1, trio.current_time() + pause)

    def _want_again(self) -> None:
        now = trio.current_time()
        due = [size for size, (_count, at) in self._retries.items() if at <= now]
        self._wanted |= dict.fromkeys(due)
        if due:
            self._candidates = ()

    def _kept(self, size: Size) -> tuple[Proof, ...]:
        return self._book.notes.proofs.get(size.key, ())

    def _keep(self, size: Size, proofs: list[Proof]) -> None:
        holding = tuple(proof for proof in proofs if proof.holds)
        if holding:
            self._book.change(partial(with_proofs, size=size.key, proofs=holding))
        self._refused[size.key] = {proof.encoder: proof for proof in proofs if not proof.holds}

    def _faults(self, name: str) -> tuple[str, ...]:
        return faults_of(self._book.notes, name, self._clock())

    def _is_left(self, name: str) -> bool:
        return len(self._book.notes.faults.get(name, ())) >= MOST_FAULTS


def usual_sizes(max_width: int, max_height: int, fps: float) -> tuple[Size, ...]:
    """The sizes that most cameras will have under these limits, likeliest first."""
    sizes = ((1920, 1080), (1280, 720), (640, 480))
    return tuple(
        Size(width, height, fps) for width, height in sizes if width <= max_width and height <= max_height
    )


def _refusal(name: str, reason: str) -> Proof:
    """The verdict without a trial."""
    return Proof(encoder=name, taken=False, reason=reason)


def _short(words: str) -> str:
    return words if len(words) <= MOST_WORDS else words[:MOST_WORDS] + "…"
