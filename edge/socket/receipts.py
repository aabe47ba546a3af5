"""Receipts on sockets: who has read how far, told to whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable

from broker.wire.payloads import Id, Receipt
from edge.socket.hub import Hub
from edge.socket.replay import Replay
from edge.socket.session import Session, State, tell
from storage.markers import Mark


class Receipts:
    """Writes them to the sessions of this edge: the account's own when it is stored, others' as fanout says."""

    def __init__(self, hub: Hub[Session], replay: Replay) -> None:
        self._hub = hub
        self._replay = replay

    def own(self, mark: Mark) -> None:
        """Answer who marked, on all its sockets here."""
        self._say((mark.account,), mark)

    def passed(self, receipt: Receipt) -> None:
        """What another edge stored, or this one: the recipients are fanout's choice."""
        self._say(receipt.recipients, Mark(receipt.account, receipt.conversation, receipt.read, receipt.delivered))

    def stranger(self, account: Id, conversation: Id) -> None:
        """The account marked what it may not read."""
        for session in tuple(self._hub.sessions.get(account, ())):
            if session.state is State.LIVE:
                self._replay.not_member(session, conversation)

    def _say(self, recipients: Iterable[Id], mark: Mark) -> None:
        frame = {
            "type": "receipt",
            "conversation": mark.conversation,
            "account": mark.account,
            "read": mark.read,
            "delivered": mark.delivered,
        }
        tell([frame], (session for account in recipients for session in self._hub.sessions.get(account, ())))
