"""What the append stores and what it refuses, command by command, against the real PostgreSQL."""

from __future__ import annotations

import pytest

from storage import accounts, log, projects
from storage.errors import BadData
from tests.fixtures.logs import command, conversation_of, create, join, leave, new_id, one, person, say, whole_log

pytestmark = pytest.mark.anyio


async def close(db, conversation, status="closed"):
    await db.fetch("UPDATE conversations SET status = %s WHERE id = %s", [status, conversation])


async def test_a_message_gets_the_next_seq_and_is_read_back_as_it_was_announced(db):
    agent, client = await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, agent, client)
    new = say(conversation, client, 'quotes " and \\ and {braces}, and NULL', mentions=[agent], reply_to=None)
    new = log.NewEvent(**{**{f: getattr(new, f) for f in new.__struct_fields__}, "data": {"mentions": [agent]}})
    stored = await one(db, new)
    assert (stored.code, stored.seq, stored.replayed) == ("", 2, False)
    created, message = await whole_log(db, conversation)
    assert message == log.live_event(new, stored)
    assert message["body"] == 'quotes " and \\ and {braces}, and NULL'
    assert created["kind"] == "created"
    assert created["members"] == [agent, client]
    assert created["project"] is None


async def test_an_empty_batch_is_nothing(db):
    assert await log.append(db, []) == []


async def test_outcomes_come_in_the_order_of_the_commands_and_seqs_too(db):
    agent = await person(db, "agent")
    one_, two = await conversation_of(db, agent), await conversation_of(db, agent)
    stranger = await person(db)
    batch = [say(one_, agent, "a"), say(two, agent, "b"), say(one_, stranger), say(one_, agent, "c"), say(two, agent)]
    outcomes = await log.append(db, batch)
    assert [(o.code, o.seq) for o in outcomes] == [("", 2), ("", 2), ("not_found", 0), ("", 3), ("", 3)]
    assert [event.get("body") for event in await whole_log(db, one_)] == [None, "a", "c"]


async def test_a_creation_and_what_is_said_in_it_fit_into_one_batch(db):
    agent = await person(db, "agent")
    conversation = new_id()
    outcomes = await log.append(db, [create(conversation, agent), say(conversation, agent, "first")])
    assert [(o.code, o.seq) for o in outcomes] == [("", 1), ("", 2)]
    await whole_log(db, conversation)


async def test_a_removal_in_front_of_a_batch_counts_for_what_stands_behind_it(db):
    agent, client = await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, agent, client)
    batch = [leave(conversation, agent, client), say(conversation, client), say(conversation, agent)]
    assert [(o.code, o.seq) for o in await log.append(db, batch)] == [("", 2), ("not_found", 0), ("", 3)]


@pytest.mark.parametrize("kind", ["message", "create", "join", "leave"])
async def test_the_same_command_again_gets_the_same_seq_and_another_one_a_conflict(db, kind):
    agent, client = await person(db, "agent"), await person(db)
    conversation = new_id() if kind == "create" else await conversation_of(db, agent, client)
    makers = {
        "message": lambda word, id_: say(conversation, agent, word, id=id_),
        "create": lambda word, id_: create(conversation, agent, client, subject=word, id=id_),
        "join": lambda word, id_: command("join", conversation, agent, id=id_, account=client, word=word),
        "leave": lambda word, id_: command("leave", conversation, agent, id=id_, account=client, word=word),
    }
    id_ = new_id()
    first = await one(db, makers[kind]("one", id_))
    again = await one(db, makers[kind]("one", id_))
    other = await one(db, makers[kind]("two", id_))
    assert first.code == "" and not first.replayed
    assert (again.seq, again.at, again.replayed, again.code) == (first.seq, first.at, True, "")
    assert (other.code, other.seq) == ("id_conflict", 0)
    assert len(await whole_log(db, conversation)) == first.seq


async def test_a_used_id_under_another_kind_of_command_is_a_conflict(db):
    agent, client = await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, agent, client)
    id_ = new_id()
    await one(db, say(conversation, agent, id=id_))
    assert (await one(db, join(conversation, agent, client, id=id_))).code == "id_conflict"
    assert (await one(db, say(conversation, client, id=id_))).code == ""  # the id is each sender's own


@pytest.mark.parametrize("change", ["removed", "suspended", "closed"])
@pytest.mark.parametrize("kind", ["message", "join", "leave"])
async def test_what_is_stored_is_acked_whatever_has_changed_since(db, change, kind):
    """Ids are looked up before rights, state or flags: the sender may be asking for an ack that was lost."""
    admin, agent, guest = await person(db, "admin"), await person(db, "agent"), await person(db)
    conversation = await conversation_of(db, admin, agent, guest)
    new = {
        "message": say(conversation, agent),
        "join": join(conversation, agent, guest),
        "leave": leave(conversation, agent, guest),
    }[kind]
    first = await one(db, new)
    if change == "removed":
        await one(db, leave(conversation, admin, agent))
    elif change == "suspended":
        await accounts.suspend(db, agent)
    else:
        await close(db, conversation)
    again = await one(db, new)
    assert (again.code, again.seq, again.replayed) == ("", first.seq, True)


async def test_a_creation_is_acked_again_after_its_creator_has_lost_the_project(db):
    client, agent = await person(db), await person(db, "agent")
    project = await projects.add(db, "Bridge")
    await projects.add_member(db, project.id, client)
    new = create(new_id(), client, agent, project=project.id)
    first = await one(db, new)
    await db.fetch("DELETE FROM project_members")
    again = await one(db, new)
    assert (first.code, again.code, again.seq, again.replayed) == ("", "", 1, True)


@pytest.mark.parametrize("kind", ["message", "join", "leave"])
class TestRefused:
    """Each refusal changes nothing: no event, no head, no commit in the feed."""

    def made(self, kind, conversation, actor, target):
        return {
            "message": say(conversation, actor),
            "join": join(conversation, actor, target),
            "leave": leave(conversation, actor, target),
        }[kind]

    async def refused(self, db, kind, conversation, actor, target):
        before = await db.fetch("SELECT count(*) FROM commits")
        log_before = await whole_log(db, conversation)
        stored = await one(db, self.made(kind, conversation, actor, target))
        assert await db.fetch("SELECT count(*) FROM commits") == before
        assert await whole_log(db, conversation) == log_before
        assert (stored.seq, stored.at, stored.replayed) == (0, "", False)
        return stored.code

    async def test_for_a_stranger(self, db, kind):
        agent, stranger = await person(db, "agent"), await person(db, "agent")
        conversation = await conversation_of(db, agent)
        assert await self.refused(db, kind, conversation, stranger, agent) == "not_found"

    async def test_for_an_actor_without_account(self, db, kind):
        agent = await person(db, "agent")
        conversation = await conversation_of(db, agent)
        assert await self.refused(db, kind, conversation, new_id(), agent) == "not_found"

    async def test_for_one_who_left(self, db, kind):
        agent, other = await person(db, "agent"), await person(db, "agent")
        conversation = await conversation_of(db, agent, other)
        await one(db, leave(conversation, other, other))
        assert await self.refused(db, kind, conversation, other, agent) == "not_found"

    async def test_for_a_missing_conversation(self, db, kind):
        agent = await person(db, "agent")
        assert await self.refused(db, kind, new_id(), agent, agent) == "not_found"

    async def test_for_a_suspended_member(self, db, kind):
        agent, other = await person(db, "agent"), await person(db, "agent")
        conversation = await conversation_of(db, agent, other)
        await accounts.suspend(db, other)
        assert await self.refused(db, kind, conversation, other, agent) == "forbidden"

    @pytest.mark.parametrize("status", ["closed", "archived"])
    async def test_in_a_closed_conversation(self, db, kind, status):
        agent = await person(db, "agent")
        conversation = await conversation_of(db, agent)
        await close(db, conversation, status)
        assert await self.refused(db, kind, conversation, agent, agent) == "closed"


async def test_mentions_must_be_members_now(db):
    agent, client, gone = await person(db, "agent"), await person(db), await person(db)
    conversation = await conversation_of(db, agent, client, gone)
    await one(db, leave(conversation, gone, gone))
    assert (await one(db, say(conversation, agent, mentions=[client, agent]))).code == ""
    for mentioned in (gone, new_id()):
        stored = await one(db, say(conversation, agent, mentions=[client, mentioned]))
        assert (stored.code, stored.field) == ("invalid", "mentions")


async def test_a_reply_names_a_message_of_the_same_conversation(db):
    agent = await person(db, "agent")
    conversation, other = await conversation_of(db, agent), await conversation_of(db, agent)
    for number in range(3):
        await one(db, say(other, agent, str(number)))
    await one(db, say(conversation, agent))
    assert (await one(db, say(conversation, agent, reply_to=2))).code == ""
    for seq in (1, 4, 0, -1):  # 1 is `created`, 4 exists only elsewhere
        stored = await one(db, say(conversation, agent, reply_to=seq))
        assert (stored.code, stored.field) == ("invalid", "reply_to"), seq
    assert (await whole_log(db, conversation))[2]["reply_to"] == 2


class TestCreate:
    async def test_staff_may_begin_with_anyone_and_in_any_project(self, db):
        agent, client = await person(db, "agent"), await person(db)
        project = await projects.add(db, "Bridge")
        assert (await one(db, create(new_id(), agent, client))).code == ""
        assert (await one(db, create(new_id(), agent, client, project=project.id))).code == ""

    async def test_members_named_twice_and_the_creator_are_members_once(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, client, agent, client)
        (created,) = await whole_log(db, conversation)
        assert created["members"] == [agent, client]

    async def test_accounts_that_only_the_host_knows_are_given_a_place(self, db):
        agent, unknown = await person(db, "agent"), new_id()
        await conversation_of(db, agent, unknown)
        assert await accounts.get(db, unknown) == accounts.Account(unknown, "", "", "client", False)

    async def test_a_missing_project_is_not_found(self, db):
        agent = await person(db, "agent")
        unknown = new_id()
        stored = await one(db, create(new_id(), agent, unknown, project=new_id()))
        assert (stored.code, stored.field) == ("not_found", "project")
        assert await db.fetch("SELECT 1 FROM accounts WHERE id = %s", [unknown]) == []

    async def test_a_client_begins_in_an_own_project_with_its_members_and_staff(self, db):
        client, colleague, agent = await person(db), await person(db), await person(db, "agent")
        project = await projects.add(db, "Bridge")
        for account in (client, colleague):
            await projects.add_member(db, project.id, account)
        assert (await one(db, create(new_id(), client, colleague, agent, project=project.id))).code == ""

    async def test_a_client_needs_a_project(self, db):
        client, agent = await person(db), await person(db, "agent")
        assert (await one(db, create(new_id(), client, agent))).code == "forbidden"

    async def test_a_foreign_project_looks_like_a_missing_one(self, db):
        client = await person(db)
        foreign = await projects.add(db, "Bridge")
        for project in (foreign.id, new_id()):
            stored = await one(db, create(new_id(), client, project=project))
            assert (stored.code, stored.field) == ("not_found", "project")

    async def test_a_client_may_not_begin_with_a_stranger_nor_with_an_unknown_account(self, db):
        client, stranger, unknown = await person(db), await person(db), new_id()
        project = await projects.add(db, "Bridge")
        await projects.add_member(db, project.id, client)
        for member in (stranger, unknown):
            stored = await one(db, create(new_id(), client, member, project=project.id))
            assert (stored.code, stored.field) == ("forbidden", "members")
        assert await db.fetch("SELECT 1 FROM accounts WHERE id = %s", [unknown]) == []

    @pytest.mark.parametrize("who", ["suspended", "unknown"])
    async def test_nobody_begins_without_a_good_account(self, db, who):
        actor = new_id()
        if who == "suspended":
            actor = await person(db, "admin")
            await accounts.suspend(db, actor)
        conversation = new_id()
        outcomes = await log.append(db, [create(conversation, actor, new_id()), say(conversation, actor)])
        assert [o.code for o in outcomes] == ["forbidden", "not_found"]
        assert await db.fetch("SELECT 1 FROM conversations") == []
        assert await db.fetch("SELECT 1 FROM commits") == []

    async def test_a_conversation_that_is_there_is_not_begun_by_another_command(self, db):
        agent, other = await person(db, "agent"), await person(db, "agent")
        conversation = await conversation_of(db, agent)
        assert (await one(db, create(conversation, agent))).code == "id_conflict"
        assert (await one(db, create(conversation, other))).code == "id_conflict"
        assert len(await whole_log(db, conversation)) == 1


class TestJoin:
    async def test_staff_inside_lets_people_in(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent)
        stored = await one(db, join(conversation, agent, client))
        assert (stored.code, stored.seq) == ("", 2)
        assert (await one(db, say(conversation, client))).code == ""
        assert (await whole_log(db, conversation))[1]["account"] == client

    async def test_a_client_lets_nobody_in(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, client)
        unknown = new_id()
        assert (await one(db, join(conversation, client, unknown))).code == "forbidden"
        assert await db.fetch("SELECT 1 FROM accounts WHERE id = %s", [unknown]) == []

    async def test_an_account_that_only_the_host_knows_is_given_a_place(self, db):
        agent, unknown = await person(db, "agent"), new_id()
        conversation = await conversation_of(db, agent)
        assert (await one(db, join(conversation, agent, unknown))).code == ""
        assert (await accounts.get(db, unknown)).role == "client"

    async def test_a_member_who_joins_again_stays_one_and_the_log_says_so(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, client)
        assert (await one(db, join(conversation, agent, client))).seq == 2
        rows = await db.fetch("SELECT joined_seq, left_seq FROM members WHERE account_id = %s", [client])
        assert rows == [(1, None)]

    async def test_one_who_left_comes_back(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, client)
        await one(db, leave(conversation, client, client))
        await one(db, join(conversation, agent, client))
        rows = await db.fetch("SELECT joined_seq, left_seq FROM members WHERE account_id = %s", [client])
        assert rows == [(3, None)]
        assert (await one(db, say(conversation, client))).code == ""


class TestLeave:
    async def test_everyone_may_leave(self, db):
        agent, client = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, client)
        assert (await one(db, leave(conversation, client, client))).code == ""
        assert (await one(db, say(conversation, client))).code == "not_found"

    async def test_staff_removes_others_and_clients_do_not(self, db):
        agent, client, other = await person(db, "agent"), await person(db), await person(db)
        conversation = await conversation_of(db, agent, client, other)
        assert (await one(db, leave(conversation, client, other))).code == "forbidden"
        assert (await one(db, leave(conversation, agent, other))).code == ""

    async def test_one_who_is_not_there_cannot_be_removed(self, db):
        agent, gone = await person(db, "agent"), await person(db)
        conversation = await conversation_of(db, agent, gone)
        await one(db, leave(conversation, gone, gone))
        for target in (gone, new_id()):
            stored = await one(db, leave(conversation, agent, target))
            assert (stored.code, stored.field) == ("not_found", "account")


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda c, a: say(c, a, "a NUL \x00 inside"),
        lambda c, a: say(c, a, "half a pair \ud800"),
        lambda c, a: say(c, a, mentions=["nobody"]),
        lambda c, a: say(c, a, mentions=["\ud800"]),
        lambda c, a: say(c, a, reply_to="two"),
        lambda c, a: say(c, a, reply_to=2**70),
        lambda c, a: say(c, a, mentions=object()),
        lambda c, a: say(c, a, id="no-uuid"),
        lambda c, a: say(c, a, id=f"{'0' * 17},{'0' * 18}"),
        lambda c, a: join(c, a, "no-uuid"),
    ],
)
async def test_one_bad_value_fails_the_batch_and_changes_nothing(db, spoiled):
    agent = await person(db, "agent")
    one_, two = await conversation_of(db, agent), await conversation_of(db, agent)
    with pytest.raises(BadData):
        await log.append(db, [spoiled(two, agent), say(one_, agent), say(two, agent)])
    assert len(await whole_log(db, one_)) == 1
    assert len(await whole_log(db, two)) == 1
    assert len(await db.fetch("SELECT 1 FROM commits")) == 2
    assert (await one(db, say(two, agent))).seq == 2


async def test_a_batch_that_breaks_its_rules_is_the_callers_fault(db):
    agent = await person(db, "agent")
    conversation = await conversation_of(db, agent)
    twice = say(conversation, agent)
    for batch in (
        [twice, twice],
        [say(conversation, agent), join(conversation, agent, agent)],
        [say(conversation, agent) for _ in range(501)],
    ):
        with pytest.raises(AssertionError):
            await log.append(db, batch)


async def test_the_largest_batch_is_stored_in_order(db):
    agent = await person(db, "agent")
    rooms = [await conversation_of(db, agent) for _ in range(3)]
    outcomes = await log.append(db, [say(rooms[n % 3], agent, str(n)) for n in range(500)])
    assert all(not outcome.code for outcome in outcomes)
    for place, room in enumerate(rooms):
        bodies = [event["body"] for event in (await whole_log(db, room))[1:]]
        assert bodies == [str(n) for n in range(500) if n % 3 == place]
