"""What stands at the end: the log as the database has it, and what every client shows."""

from __future__ import annotations

from typing import Any

import psycopg

from bench.fold import Fold
from tests.faults.history import History, Id, Shown, Stored
from tests.faults.load import Talker

KEPT = 400
"""Messages of a conversation, its newest, that are compared between clients: fewer than a fold remembers."""


def read_logs(database_url: str, history: History) -> dict[Id, set[Id]]:
    """Fill in `history.logs`; who is a member of what now."""
    members: dict[Id, set[Id]] = {}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT conversation_id::text, seq, kind, actor::text, command_id::text, data FROM events"
            " ORDER BY conversation_id, seq"
        )
        for conversation, seq, kind, actor, id, data in rows:
            data = data or {}
            stored = Stored(seq, kind, actor, id, data.get("account"), frozenset(data.get("members") or ()))
            history.logs.setdefault(conversation, []).append(stored)
            present = members.setdefault(conversation, set())
            if kind == "created":
                present |= stored.members
            elif kind == "member_joined":
                present.add(data["account"])
            elif kind == "member_left":
                present.discard(data["account"])
    return members


def read_truth(history: History, logs: dict[Id, list[dict[str, Any]]]) -> None:
    """Fold each log, as read over HTTP at the end, as a client would."""
    for conversation, items in logs.items():
        fold = Fold(conversation, 0, keep=KEPT)
        for event in items:
            fold.apply(event)
        history.truth[conversation] = messages_of(fold)


def read_folds(talkers: list[Talker], members: dict[Id, set[Id]]) -> None:
    """What each client shows of the conversations that it is a member of now."""
    for talker in talkers:
        for conversation, fold in talker.client.conversations.items():
            if talker.person.id in members.get(conversation, ()):
                oldest = max((fold.base or 0) + 1, min(fold.messages, default=1) if len(fold.messages) > KEPT else 1)
                talker.reader.folds[conversation] = Shown(oldest, messages_of(fold))


def messages_of(fold: Fold) -> dict[int, Any]:
    """Messages by seq, as values that compare."""
    return {
        message.seq: (
            message.id,
            message.actor,
            message.body or None,
            message.edited,
            sorted((emoji, sorted(who)) for emoji, who in message.reactions.items()),
        )
        for message in fold.messages.values()
    }
