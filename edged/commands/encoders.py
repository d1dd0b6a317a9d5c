"""`edged encoders`: which H.264 encoders this machine has, and why each was taken or refused."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edged.commands.running import config_option, run_to_end

if TYPE_CHECKING:
    from edged.cameras.encoder_choice import Size
    from edged.cameras.encoders import Encoders

DEFAULT_SIZE = "1280x720"
SIZE = re.compile(r"([0-9]{1,5})[xX]([0-9]{1,5})")


def parse_size(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in pixels, even numbers from 32 to 7680."""
    found = SIZE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size: write it as {DEFAULT_SIZE}.")
    size = int(found[1]), int(found[2])
    if not all(32 <= side <= 7680 and side % 2 == 0 for side in size):
        raise click.BadParameter("both sides must be even and between 32 and 7680 pixels.")
    return size


@click.command()
@config_option
@click.option(
    "--size",
    callback=parse_size,
    default=DEFAULT_SIZE,
    show_default=True,
    help="Size of the pictures, in pixels.",
)
@click.option("--fps", type=click.IntRange(1, 240), default=30, show_default=True, help="Pictures a second.")
@click.option(
    "--again", is_flag=True, help="Prove all anew at this size, whatever was proved since the last boot."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def encoders(
    config_path: Path | None, *, size: tuple[int, int], fps: int, again: bool, as_json: bool
) -> None:
    """List the H.264 encoders, best first, each with the reason why it was taken or refused.

    Each is proved by encoding two seconds of pictures and comparing what comes out with what went in. What
    was proved since the last boot is not proved again.
    """
    import json  # noqa: PLC0415

    import trio  # noqa: PLC0415

    from edged.cameras.encoder_choice import Size  # noqa: PLC0415
    from edged.cameras.encoders import Encoders  # noqa: PLC0415
    from edged.config import load_config  # noqa: PLC0415

    def action() -> None:
        known = Encoders(runtime=Path(load_config(config_path).paths.runtime))
        known.load()
        wanted = Size(*size, float(fps))
        told = trio.run(tell, known, wanted, again)
        click.echo(json.dumps(told) if as_json else "\n".join(lines(told)))

    run_to_end(action)


async def tell(known: "Encoders", size: "Size", again: bool = False) -> dict[str, object]:
    """Prove what is not proved yet, or all `again`; all that there is to say, for JSON."""
    import msgspec  # noqa: PLC0415

    proofs = await known.prove(size, all_of_them=True, again=again)
    await known.save()
    listed = [{**msgspec.to_builtins(proof), "left": known.why_left(proof.encoder)} for proof in proofs]
    usable = [proof.encoder for proof in proofs if proof.taken and not known.why_left(proof.encoder)]
    return {
        "size": f"{size.width}x{size.height}",
        "fps": size.fps,
        "chosen": usable[0] if usable else proofs[-1].encoder,
        "encoders": listed,
    }


def lines(told: dict[str, object]) -> list[str]:
    """The list for people."""
    found = []
    listed = told["encoders"]
    assert isinstance(listed, list)
    for one in listed:
        verdict = "left" if one["left"] else "taken" if one["taken"] else "refused"
        found.append(f"{one['encoder']:<14} {verdict:<8} {one['left'] or one['reason']}")
    return [*found, f"Pictures of {told['size']} are encoded by {told['chosen']}."]
