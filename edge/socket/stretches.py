"""Stretches of logs, read and packed once for all who lack the same: what makes a thousand returns cheap.

When an edge dies, or the network comes back, everybody returns at once, and members of one conversation lack the same
events. So what was read for one is kept for the next, found by where it begins and by the log's head at that moment.
Everything that changes a log moves its head, an edit or a deletion too; a stretch under the present head is therefore
as the log is, and one under an older head is not found any more. Who is a member is asked of the log each time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from broker.node.tasks import Tasks
from broker.wire.payloads import Id
from edge.socket.frames import packed
from storage import log as event_log
from storage.errors import StorageError, Unavailable
from storage.pool import Database

KEPT_BYTES = 8 * 1024 * 1024
LARGEST_BYTES = KEPT_BYTES // 8
ENTRY_BYTES = 512
"""What a stretch costs beside its frames."""


class Stretch(NamedTuple):
    """Finished frames of the events behind a cursor, up to `last`; `head` is the log's at that moment."""

    data: bytes
    last: int
    head: int


class _Key(NamedTuple):
    epoch: str
    conversation: Id
    after: int
    head: int
    limit: int
    binary: bool


class Stretches:
    """Reads what it does not have. Of what was read it keeps at most `KEPT_BYTES`, those used last."""

    def __init__(self, db: Database, tasks: Tasks) -> None:
        self._db = db
        self._tasks = tasks
        self._kept: OrderedDict[_Key, Stretch] = OrderedDict()
        self._kept_bytes = 0
        self._reading: dict[_Key, asyncio.Future[Stretch]] = {}
        self.reads = 0

    async def read(
        self, account: Id, cursors: Mapping[Id, int], limit: int, *, binary: bool
    ) -> dict[Id, Stretch | None]:
        """At most `limit` events after each cursor; None where the account is not a member. Raises a `StorageError`."""
        stretches: dict[Id, Stretch | None] = dict.fromkeys(cursors)
        awaited: dict[Id, asyncio.Future[Stretch]] = {}
        missing: list[_Key] = []
        for conversation, head in (await event_log.heads_for(self._db, account, cursors)).items():
            after = cursors[conversation]
            key = _Key(self._db.epoch, conversation, after, head, limit, binary)
            if after >= head:
                stretches[conversation] = Stretch(b"", after, head)
            elif (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                stretches[conversation] = kept
            elif (reading := self._reading.get(key)) is not None:
                awaited[conversation] = reading
            else:
                awaited[conversation] = self._reading[key] = asyncio.get_running_loop().create_future()
                missing.append(key)
        if missing:
            # Not as a part of the session that asks: others wait for it too, and a session may be gone any moment.
            self._tasks.spawn(self._fetch(missing))
        if awaited:
            await asyncio.wait(awaited.values())
            stretches |= {conversation: reading.result() for conversation, reading in awaited.items()}
        return stretches

    async def _fetch(self, missing: Sequence[_Key]) -> None:
        """Read these, all asked with one limit and one encoding, and tell who waits."""
        self.reads += 1
        try:
            asked = [(key.conversation, key.after, key.head) for key in missing]
            read = await event_log.stretches(self._db, asked, missing[0].limit)
            for key in missing:
                items = read[key.conversation]
                last = items[-1]["seq"] if items else key.after
                stretch = Stretch(packed(items, binary=key.binary), last, key.head)
                self._reading.pop(key).set_result(stretch)
                self._keep(key, stretch)
        except StorageError as fault:
            self._give_up(missing, fault)
        finally:
            self._give_up(missing, Unavailable("the read was given up"))

    def _give_up(self, missing: Sequence[_Key], fault: StorageError) -> None:
        """Tell who still waits for one of these."""
        for key in missing:
            if key in self._reading:
                reading = self._reading.pop(key)
                reading.set_exception(fault)
                reading.exception()  # whoever asked may be gone by now: then nobody misses the fault

    def _keep(self, key: _Key, stretch: Stretch) -> None:
        if len(stretch.data) > LARGEST_BYTES:
            return
        self._kept[key] = stretch
        self._kept_bytes += len(stretch.data) + ENTRY_BYTES
        while self._kept_bytes > KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.data) + ENTRY_BYTES
