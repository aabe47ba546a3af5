"""What sessions look at: bounded, said again, and gone with the session."""

from __future__ import annotations

from edge.socket.watches import RENEW_SECONDS, WATCHES_A_SESSION, Watches


def test_accounts_that_look_are_known_once_each():
    watches: Watches[str] = Watches()
    for session, account in (("s1", "ann"), ("s2", "ann"), ("s3", "bob")):
        assert watches.watch(session, account, "room")
    assert watches.accounts("room") == ("ann", "bob")
    watches.unwatch("s1", "room")
    assert watches.accounts("room") == ("ann", "bob")
    assert watches.left("s2") == ["room"]
    assert watches.accounts("room") == ("bob",)
    watches.unwatch("s3", "room")
    watches.unwatch("s3", "room")
    assert watches.accounts("room") == ()
    assert list(watches.sessions("room")) == []


def test_a_session_looks_at_so_many_at_most():
    watches: Watches[str] = Watches()
    assert all(watches.watch("s", "ann", f"room {n}") for n in range(WATCHES_A_SESSION))
    assert not watches.watch("s", "ann", "one more")
    assert watches.watch("s", "ann", "room 0")
    watches.unwatch("s", "room 0")
    assert watches.watch("s", "ann", "one more")


def test_what_is_looked_at_is_said_again_and_at_once_when_workers_change():
    watches: Watches[str] = Watches()
    watches.watch("s", "ann", "room")
    assert watches.due(0.0) == ["room"]
    watches.said("room", 0.0)
    assert watches.due(RENEW_SECONDS - 1) == []
    assert watches.due(RENEW_SECONDS) == ["room"]
    watches.said("room", RENEW_SECONDS)
    watches.doubt()
    assert watches.due(RENEW_SECONDS) == ["room"]
    watches.left("s")
    watches.said("room", RENEW_SECONDS)
    assert watches.due(1000.0) == []
