"""Who sits with whom in a load test."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from bench.green.seats import Guest, Seats, residents
from bench.groups import SetupError

KEY = "s" * 32
HOSTS = ["http://a", "http://b"]


def nobody(kind: str, name: str, seconds: float, fault: Exception | None) -> None:
    """Nothing is asked of a server here."""


def seats(size: int, **options) -> Seats:
    return Seats(HOSTS, size, 1, key=KEY, record=nobody, **{"known": [], **options})


def test_neighbours_are_a_group_and_connect_to_edges_in_turn():
    taken = [seat for made in [seats(2)] for seat in (made.take() for _ in range(5))]
    assert [(seat.group.number, seat.index, seat.url) for seat in taken] == [
        (0, 0, "http://a"),
        (0, 1, "http://b"),
        (1, 0, "http://a"),
        (1, 1, "http://b"),
        (2, 0, "http://a"),
    ]
    assert taken[0].group is taken[1].group
    assert len({seat.who.account for seat in taken}) == 5


def test_the_first_of_a_group_may_start_conversations():
    made = seats(2)
    roles = [jwt.decode(made.take().who.token(), OctKey.import_key(KEY.encode())).claims["role"] for _ in range(4)]
    assert roles == ["agent", "client", "agent", "client"]


def test_a_seat_given_back_is_taken_again_by_the_same_account():
    made = seats(3)
    first, _ = made.take(), made.take()
    made.give_back(first)
    again = made.take()
    assert (again.number, again.who) == (first.number, first.who)
    assert made.take().number == 2


def test_a_guest_keeps_its_token():
    guest = Guest(KEY, staff=False)
    assert guest.token() == guest.token()


def test_accounts_that_sign_in_come_from_a_file(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text('ann@example.org,"a, b"\n\nbob@example.org , c\n')
    known = residents(path, HOSTS, nobody)
    assert len(known) == 2
    made = seats(2, known=known)
    assert [made.take().who, made.take().who] == known
    with pytest.raises(SetupError, match="has 2; group 2 needs 2"):
        made.take()


@pytest.mark.parametrize("content", ["ann@example.org\n", "a,b,c\n", None])
def test_a_file_that_is_none_of_accounts_is_refused(content, tmp_path):
    path = tmp_path / "accounts.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SetupError, match=r"accounts\.csv is no file of accounts"):
        residents(path, HOSTS, nobody)
