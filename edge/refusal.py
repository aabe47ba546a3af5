"""What a command hears while messaging is off for its account: the ack of what is stored, else `disabled`.

Ids are looked up before flags (docs/architecture.md, promise 2): a client whose ack was lost gets it all the same. At
most so many ask the log at a time, and what comes beyond is `disabled` unasked, which says nothing of earlier
attempts: the switch is there to take load off, too.
"""

from __future__ import annotations

from broker.wire.fingerprint import fingerprint
from broker.wire.payloads import Act, Id, Outcome
from storage import commands
from storage.errors import StorageError
from storage.pool import Database

ASKING_MOST = 32
RETRY_AFTER_SECONDS = 30.0
DISABLED = Outcome(0, "disabled", retry_after=RETRY_AFTER_SECONDS)


class Refusal:
    """One for an edge."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asking = 0

    async def outcome(self, conversation: Id, actor: Id, id: Id, act: Act) -> Outcome:
        """What this command hears; nothing is stored by it."""
        if self._asking >= ASKING_MOST:
            return DISABLED
        self._asking += 1
        try:
            found = await commands.find(self._db, conversation, actor, id)
        except StorageError:
            return DISABLED
        finally:
            self._asking -= 1
        if found is None:
            return DISABLED
        if found.fingerprint != fingerprint(act):
            return Outcome(0, "id_conflict")
        return Outcome(0, seq=found.seq, at=found.at, replayed=True)
