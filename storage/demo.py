"""Demo data: people, a project and lively conversations, written through the same append as everything else.

Every id is derived from its place in demo_talk.py, so a second run finds all of it stored and adds nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from storage import accounts, demo_talk, markers, projects
from storage.errors import Conflict, StorageError
from storage.log import Id, NewEvent, append
from storage.markers import Mark
from storage.passwords import hash_password
from storage.pool import Database

HOME = uuid5(NAMESPACE_URL, "https://parley.example/demo")


def demo_id(*names: object) -> Id:
    """The id of a demo thing, the same on every machine."""
    return str(uuid5(HOME, "/".join(map(str, names))))


async def fill(db: Database) -> int:
    """Write what is missing of the demo data; how many events were stored now."""
    word = await asyncio.to_thread(hash_password, demo_talk.PASSWORD)
    for person in demo_talk.PEOPLE:
        try:
            await accounts.add(
                db, person.email, person.name, person.role, password_hash=word, id=_account(person.email)
            )
        except Conflict:
            continue  # from an earlier run, perhaps with another password by now
    for name, emails in demo_talk.PROJECTS.items():
        project = await projects.add(db, name, id=demo_id("project", name))
        for email in emails:
            await projects.add_member(db, project.id, _account(email))
    stored = 0
    for talk in demo_talk.TALKS:
        stored += await _tell(db, talk)
    return stored


async def _tell(db: Database, talk: demo_talk.Talk) -> int:
    conversation = demo_id("conversation", talk.subject)
    starter = talk.members[0]
    project = None if talk.project is None else demo_id("project", talk.project)
    members = [_account(email) for email in talk.members]
    create: dict[str, Any] = {"subject": talk.subject, "project": project, "members": members}
    commands = [_command(conversation, starter, 0, "create", None, create)]
    number = count(1)
    for line in talk.lines:
        data: dict[str, Any] = {} if line.reply_to is None else {"reply_to": line.reply_to}
        commands.append(_command(conversation, line.by, next(number), "message", line.text, data))
    outcomes = []
    for command in commands:  # one at a time: a reply names a message that is stored already
        outcomes += await append(db, [command])
    refused = [outcome for outcome in outcomes if outcome.code]
    if refused:
        raise StorageError(f"demo conversation {talk.subject!r}: {refused[0]}")
    for email, unread in talk.unread.items():
        await markers.mark(db, [Mark(_account(email), conversation, outcomes[-1].seq - unread, outcomes[-1].seq)])
    return sum(not outcome.replayed for outcome in outcomes)


def _command(conversation: Id, by: str, place: int, kind: str, body: str | None, data: dict[str, Any]) -> NewEvent:
    id_ = UUID(demo_id("command", conversation, place))
    # Of the id, not of the words: they may be polished in a later release without a clash.
    fingerprint = hashlib.blake2b(id_.bytes, digest_size=16).digest()
    return NewEvent(conversation, _account(by), str(id_), kind, fingerprint, body, data)


def _account(email: str) -> Id:
    return demo_id("account", email)
