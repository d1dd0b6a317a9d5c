"""What is wrong with the database, which knows nothing of findings itself."""

import contextlib
from collections.abc import Iterator

import trio

from edged.errors import StoreError
from edged.health.finding import Finding
from edged.store import Store

PROBE_SECONDS = 2.5
RETRY_SECONDS = 10.0


def store_findings(store: Store) -> Iterator[Finding]:
    """What became of a damaged one, that it cannot be used just now, or could not a moment ago."""
    if store.outcome.remade:
        lost = f"was damaged and set aside as {store.damaged}" if store.damaged else "was gone"
        yield Finding(
            id="store.remade",
            severity="warning",
            subject="store",
            cause=f"The database {lost} while a copy of it stood in; it was made anew of that copy, as it was"
            " when edged started.",
            remedy="Look who else writes to that folder, and at the disk. Told until a restart.",
        )
    elif store.damaged is not None:
        yield Finding(
            id="store.damaged",
            severity="warning",
            subject="store",
            cause=f"The database was damaged and set aside as {store.damaged}. Accounts, access codes and"
            " names of cameras are gone with it; footage is untouched.",
            remedy="Claim the box with the code that `edged setup-code` prints. Told until a restart.",
        )
    if store.outcome.changed:
        kept = f" The copy, as it was when edged started, is kept as {store.outcome.kept}."
        yield Finding(
            id="store.changed",
            severity="warning",
            subject="store",
            cause=f"The database {store.path} was changed or replaced while a copy of it stood in. What is on"
            f" the disk counts.{kept if store.outcome.kept else ''}",
            remedy="Restart edged: until then it knows accounts and access codes as they were in the copy.",
        )
    now = store.trouble
    if trouble := now or store.failures.lately:
        fails = "cannot be used" if now else "could not be used a moment ago"
        yield Finding(
            id="store.failing",
            severity="error",
            subject="store",
            cause=f"The database {store.path} {fails}: {trouble.cause}. Cameras and recording go on;"
            " what is changed now, a revoked code too, may not outlast a restart.",
            remedy=f"{trouble.remedy}.",
        )


async def tend_store(store: Store, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Look at its files often, and try one in trouble again now and then; until cancelled.

    So that damage is seen, and recovery, though nobody reads or writes.
    """
    task_status.started()
    tried = trio.current_time()
    while True:
        await trio.sleep(PROBE_SECONDS)
        await store.probe()
        if not store.trouble or store.waits or trio.current_time() - tried < RETRY_SECONDS:
            continue
        tried = trio.current_time()
        with contextlib.suppress(StoreError):
            await store.prove()
