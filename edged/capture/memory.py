"""How the C library hands out memory to libav, set once when a worker starts.

glibc maps every block above a threshold anew and gives it back when freed, so that each picture costs
thousands of page faults. Pictures come and go at the rate of the camera: keep their memory.
See mallopt(3).
"""

import ctypes

M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

MIB = 1024 * 1024
# 64 MiB holds a raw 4K picture; 128 MiB is more than a worker ever frees at once.
KEPT_BLOCK = 64 * MIB
KEPT_HEAP = 128 * MIB


def keep_picture_memory() -> bool:
    """Make malloc reuse the memory of pictures; False where the C library has no mallopt."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    # One arena: threads that each keep pictures of their own would double the worker's size.
    settings = {
        M_ARENA_MAX: 1,
        M_MMAP_THRESHOLD: KEPT_BLOCK,
        M_TRIM_THRESHOLD: KEPT_HEAP,
        M_TOP_PAD: MIB,
    }
    taken = [mallopt(name, value) == 1 for name, value in settings.items()]
    return all(taken)


def give_back_memory() -> None:
    """Give free memory back to the system: what starting took, and what outputs that began anew have left."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        pass
