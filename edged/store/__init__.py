"""The database: SQLite in WAL mode, one writer, one reader, both in threads.

It holds accounts, sessions and cameras' names, never what is needed to keep footage. A damaged file is set
aside under another name and a fresh one begun (`Store.damaged`); anything else that is wrong is a
StoreError.
"""

from edged.store.store import Store

__all__ = ["Store"]
