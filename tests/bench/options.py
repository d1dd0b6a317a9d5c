"""What was asked for besides rows; rows that run alone as modules see it too."""

import os

_DROP, _LONG = "EDGED_BENCH_DROP_CACHES", "EDGED_BENCH_LONG"


def choose(*, drop_caches: bool, long: bool) -> None:
    """Remember it for this process and its children."""
    for name, on in ((_DROP, drop_caches), (_LONG, long)):
        if on:
            os.environ[name] = "1"


def caches_to_be_dropped() -> bool:
    """Whether the kernel shall forget its caches before something is read cold."""
    return os.environ.get(_DROP) == "1"


def long_ones_wanted() -> bool:
    """Whether to take measurements too that take minutes."""
    return os.environ.get(_LONG) == "1"
