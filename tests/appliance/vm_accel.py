"""How fast a virtual machine can run here: with the kernel's help (KVM), or by emulation."""

import functools
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# By Debian's name of the architecture: program, board, console.
BOARDS = {
    "amd64": ("qemu-system-x86_64", "q35,usb=off", "ttyS0"),
    "arm64": ("qemu-system-aarch64", "virt,gic-version=3", "ttyAMA0"),
}
EMULATED_CPU = {"amd64": "max", "arm64": "cortex-a72"}
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}
TRIAL_SECONDS = 10.0


@dataclass(frozen=True)
class Accelerator:
    """What makes a guest run, and QEMU's options for it."""

    name: str
    options: tuple[str, ...]


KVM = Accelerator("KVM", ("-accel", "kvm", "-cpu", "host"))


@functools.cache
def accelerator(arch: str, image: Path) -> Accelerator:
    """The best there is here for the machine in `image`; EDGED_VM_ACCEL=tcg asks for emulation."""
    asked = os.environ.get("EDGED_VM_ACCEL", "")
    if asked != "tcg" and NATIVE.get(platform.machine()) == arch and _kvm_works(arch, image):
        return KVM
    return Accelerator("emulation", ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", EMULATED_CPU[arch]))


def _kvm_works(arch: str, image: Path) -> bool:
    """Whether KVM runs Debian's kernel up to the point where it misses its disk.

    That there is /dev/kvm says little: where the host is a guest itself, it may stop at the first instruction
    that it cannot emulate.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    program, board, console = BOARDS[arch]
    command: list[str | Path] = [
        *(program, "-machine", board, *KVM.options, "-m", "256"),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
        *("-kernel", image / "vmlinuz", "-append", f"console={console} quiet panic=-1"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as trial:
        end = time.monotonic() + TRIAL_SECONDS
        while trial.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        trial.kill()
        assert trial.stdout is not None
        return b"Kernel panic - not syncing: VFS" in trial.stdout.read()
